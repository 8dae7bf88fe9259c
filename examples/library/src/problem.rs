//! What goes wrong, as answers.

use std::fmt;

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use sea_orm::DbErr;
use sea_orm_tenant::{TenantError, actix::TenantProblem};
use serde::Serialize;

/// What a handler fails with: a problem with the tenant or its database, or a refusal of the
/// library's own.
#[derive(Debug)]
pub enum LibraryError {
    Tenant(TenantProblem),
    Refused(Refusal),
}

/// Each becomes the error it is, and none is wrapped: so the middleware knows its own again, and
/// answers them as it is set to.
impl From<LibraryError> for actix_web::Error {
    fn from(error: LibraryError) -> Self {
        match error {
            LibraryError::Tenant(problem) => problem.into(),
            LibraryError::Refused(refusal) => refusal.into(),
        }
    }
}

impl From<DbErr> for LibraryError {
    fn from(error: DbErr) -> Self {
        Self::Tenant(error.into())
    }
}

impl From<TenantError> for LibraryError {
    fn from(error: TenantError) -> Self {
        Self::Tenant(error.into())
    }
}

impl From<Refusal> for LibraryError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// A request that the library does not do, as an RFC 9457 problem like those of the middleware.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    word: &'static str,
    detail: String,
}

impl Refusal {
    fn new(status: StatusCode, word: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            word,
            detail: detail.into(),
        }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// It is not possible as things are.
    pub fn conflict(word: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, word, detail)
    }

    /// The request can be read, and makes no sense.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-content", detail)
    }

    /// The request cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// The body is longer than is read.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("bodies have at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    }

    /// The body is something else.
    pub fn not_json() -> Self {
        let detail = "send `Content-Type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail)
    }

    /// The path is there, for other methods.
    pub fn method_not_allowed() -> Self {
        let detail = "that path is there, and not for that method";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: String,
            title: &'a str,
            status: u16,
            detail: &'a str,
        }

        HttpResponse::build(self.status)
            .content_type("application/problem+json")
            .json(Body {
                r#type: format!("tag:library.example,2026:{}", self.word),
                title: self.status.canonical_reason().unwrap_or("Refused"),
                status: self.status.as_u16(),
                detail: &self.detail,
            })
    }
}
