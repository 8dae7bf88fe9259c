use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use serde::{Serialize, Serializer};
use tenant_core::{InvalidTenantId, TenantError};
use utoipa::ToSchema;

use crate::auth::Scope;

/// What went wrong, as RFC 9457 has it. Nothing of a tenant's connection is ever in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Which kind of problem: `tag:sea-orm-tenant,2026:` and a word.
    #[serde(rename = "type", serialize_with = "tagged")]
    #[schema(value_type = String)]
    kind: &'static str,
    /// The kind in words.
    title: &'static str,
    /// The status code of the answer.
    status: u16,
    /// What is wrong here, and the way out.
    detail: String,
    /// The status that the tenant has, where a step was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'static str>,
    /// The status that was asked for, where a step was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'static str>,
    /// The scope that the token lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip)]
    header: Option<Box<(HeaderName, String)>>,
}

fn tagged<S: Serializer>(word: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("tag:sea-orm-tenant,2026:{word}"))
}

/// The media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

impl Problem {
    fn new(
        status: StatusCode,
        word: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind: word,
            title,
            status: status.as_u16(),
            detail: detail.into(),
            from: None,
            to: None,
            scope: None,
            header: None,
        }
    }

    fn with_header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.header = Some(Box::new((name, value.into())));
        self
    }

    /// An answer of the framework's that is an error and no problem yet.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        Self::new(
            status,
            "refused",
            "The request was refused",
            status.canonical_reason().unwrap_or("refused"),
        )
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-route",
            "No such route",
            "nothing is served there; /docs/ lists what is",
        )
    }

    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "Method not allowed",
            format!("that route takes {allowed}"),
        )
        .with_header(header::ALLOW, allowed)
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "No valid token",
            "send `Authorization: Bearer` with a token of this service",
        )
        .with_header(header::WWW_AUTHENTICATE, "Bearer")
    }

    pub(crate) fn forbidden(scope: Scope) -> Self {
        let mut problem = Self::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "The token's scopes do not suffice",
            format!("this needs the scope `{scope}`"),
        );
        problem.scope = Some(scope.as_str());
        problem
    }

    pub(crate) fn invalid_tenant_id(status: StatusCode, error: &InvalidTenantId) -> Self {
        Self::new(
            status,
            "invalid-tenant-id",
            "That is no tenant id",
            error.to_string(),
        )
    }

    pub(crate) fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid-request",
            "The request is malformed",
            detail,
        )
    }

    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid-content",
            "The content makes no sense",
            detail,
        )
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "The body is too large",
            format!("bodies have at most {limit} bytes"),
        )
    }

    pub(crate) fn not_json() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            "The body is not JSON",
            "send `Content-Type: application/json`",
        )
    }

    pub(crate) fn precondition_required() -> Self {
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition-required",
            "If-Match is required",
            "send `If-Match` with the ETag of the tenant as it was read, or `*`",
        )
    }

    pub(crate) fn tenant_changed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "tenant-changed",
            "The tenant was changed since it was read",
            "read it again, and decide again; nothing was written",
        )
    }

    pub(crate) fn unknown_token() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown-token",
            "No such token",
            "no token has that id",
        )
    }

    pub(crate) fn too_many_streams() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too-many-streams",
            "Too many event streams",
            "as many event streams as allowed are open; try again later",
        )
        .with_header(header::RETRY_AFTER, "1")
    }

    /// The database does not answer. What it said goes to the log.
    pub(crate) fn store_unavailable(cause: &dyn fmt::Display) -> Self {
        tracing::warn!(%cause, "the store is unavailable");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store-unavailable",
            "The store is unavailable",
            "the service's database does not answer; try again",
        )
        .with_header(header::RETRY_AFTER, "1")
    }

    /// A fault of the service. What it was goes to the log.
    pub(crate) fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The service failed",
            "the service's log says why",
        )
    }

    /// What a store says of a write: an entry it refuses is the caller's.
    pub(crate) fn of_write(error: TenantError) -> Self {
        match error {
            TenantError::EntryRefused { reason, .. } => Self::unprocessable(reason),
            TenantError::Configuration(reason) => Self::unprocessable(reason),
            other => other.into(),
        }
    }
}

impl From<TenantError> for Problem {
    fn from(error: TenantError) -> Self {
        match &error {
            TenantError::UnknownTenant { .. } => Self::new(
                StatusCode::NOT_FOUND,
                "unknown-tenant",
                "No such tenant",
                error.to_string(),
            ),
            TenantError::TenantExists { .. } => Self::new(
                StatusCode::CONFLICT,
                "tenant-exists",
                "The tenant exists already",
                error.to_string(),
            ),
            TenantError::IllegalStatusChange { from, to, .. } => {
                let mut problem = Self::new(
                    StatusCode::CONFLICT,
                    "illegal-status-change",
                    "No such step in a tenant's life",
                    error.to_string(),
                );
                problem.from = Some(from.as_str());
                problem.to = Some(to);
                problem
            }
            TenantError::TenantChanged { .. } => Self::tenant_changed(),
            TenantError::InvalidTenantId(invalid) => {
                Self::invalid_tenant_id(StatusCode::UNPROCESSABLE_ENTITY, invalid)
            }
            TenantError::InvalidSchemaName(invalid) => Self::unprocessable(invalid.to_string()),
            TenantError::StoreUnavailable { source } => Self::store_unavailable(source),
            other => Self::internal(other),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.content_type(MEDIA_TYPE);
        if let Some((name, value)) = self.header.as_deref() {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.json(self)
    }
}
