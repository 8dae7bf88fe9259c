use std::{borrow::Cow, time::Duration};

use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use sea_orm::DbErr;
use tenant_core::{InvalidTenantId, TenantError};

use crate::kind::Kind;

/// How long clients are told to wait, unless the middleware is told otherwise.
pub(crate) const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(10);

/// Why a request was not served, from naming its tenant to reading its tenant's rows.
///
/// A handler can return it: `?` takes a [`TenantError`] as well as SeaORM's `DbErr`.
///
/// | problem | status |
/// |---|---|
/// | [`Missing`](Self::Missing), [`InvalidId`](Self::InvalidId), [`Ambiguous`](Self::Ambiguous) | 400 |
/// | [`Unauthenticated`](Self::Unauthenticated) | 401 |
/// | [`Disagreement`](Self::Disagreement), [`Forbidden`](Self::Forbidden), a suspended tenant | 403 |
/// | an unknown tenant | 404 |
/// | an archived tenant | 410 |
/// | a tenant in maintenance, being migrated or not ready, a store or a database that does not answer, connections that are all in use | 503 with `Retry-After` |
/// | a statement that took longer than its tenant's limit | 504 |
/// | anything else, [`TenantError::NoTenant`] among it: code that runs where no tenant is current is the application's mistake | 500 |
///
/// Answers are RFC 9457 problems. They say which kind of problem it is, and nothing of its cause,
/// which goes to the log.
///
/// # In an error type of your own
///
/// The middleware knows its problems by their type. So turn yours into actix's error and do not wrap
/// it, for the middleware's settings to apply to it:
///
/// ```
/// use actix_web::HttpResponse;
/// use tenant_actix::TenantProblem;
///
/// enum LendingError {
///     Lent,
///     Tenant(TenantProblem),
/// }
///
/// impl From<LendingError> for actix_web::Error {
///     fn from(error: LendingError) -> Self {
///         match error {
///             LendingError::Lent => actix_web::error::ErrorConflict("it is lent"),
///             LendingError::Tenant(problem) => problem.into(),
///         }
///     }
/// }
///
/// async fn lend() -> Result<HttpResponse, LendingError> {
///     Err(LendingError::Lent)
/// }
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantProblem {
    /// No strategy found a tenant in the request.
    #[error("the request names no tenant")]
    Missing,

    /// What the request names is no tenant id.
    #[error(transparent)]
    InvalidId(InvalidTenantId),

    /// The request names its tenant more than once in one place, or in a way that could be read
    /// in two ways.
    #[error("the request names its tenant ambiguously: {what}")]
    Ambiguous {
        /// What is ambiguous.
        what: Cow<'static, str>,
    },

    /// The request has a token that is not valid.
    #[error("the request's token was refused: {reason}")]
    Unauthenticated {
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },

    /// The request may not be for the tenant.
    #[error("the request was refused: {reason}")]
    Forbidden {
        /// Why not.
        reason: Cow<'static, str>,
    },

    /// Two strategies found different tenants, where they have to agree.
    #[error("parts of the request name different tenants: {one} and {other}")]
    Disagreement {
        /// The strategy that found one.
        one: &'static str,
        /// The strategy that found another one.
        other: &'static str,
    },

    /// A handler answered well, and something still holds its
    /// [`TenantTransaction`](crate::TenantTransaction): a task, or the response's body. So it cannot
    /// be committed, and is rolled back.
    #[error(
        "a TenantTransaction outlived its handler and was rolled back: neither a task nor the response's body may hold one; take TenantDb there"
    )]
    TransactionHeld,

    /// A [`TenantTransaction`](crate::TenantTransaction) was asked for where the middleware would not
    /// end it: in the scope of another tenant than the request's, after the handler has answered, or
    /// without the middleware.
    #[error(
        "a TenantTransaction was asked for where nobody ends it: in another tenant's scope than the request's, after the handler has answered, or without the middleware; begin one on TenantDb there"
    )]
    NobodyEndsTransaction,

    /// An extractor runs in an application without [`TenantMiddleware`](crate::TenantMiddleware),
    /// and without a `web::Data<Tenancy>`.
    #[error(
        "a tenant extractor has no Tenancy: wrap the application in TenantMiddleware, or give it `app_data(web::Data::new(tenancy))`"
    )]
    NoMiddleware,

    /// What the core says: about the tenant, the store or a database.
    #[error(transparent)]
    Tenant(TenantError),
}

impl TenantProblem {
    /// The request is not authenticated. For [strategies](crate::TenantStrategy) of your own.
    pub fn unauthenticated(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unauthenticated {
            reason: reason.into(),
        }
    }

    /// The request may not be for the tenant. For [strategies](crate::TenantStrategy) of your own.
    pub fn forbidden(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden {
            reason: reason.into(),
        }
    }

    /// The request names its tenant in a way that could be read in two ways. For
    /// [strategies](crate::TenantStrategy) of your own: refuse what others may read otherwise, and do
    /// not choose from it.
    pub fn ambiguous(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Ambiguous { what: what.into() }
    }

    /// Whether a tenant exists that is not served: what may have to be hidden.
    pub(crate) fn tells_existence(&self) -> bool {
        matches!(
            self,
            Self::Tenant(
                TenantError::Suspended { .. }
                    | TenantError::InMaintenance { .. }
                    | TenantError::Migrating { .. }
                    | TenantError::NotReady { .. }
                    | TenantError::Archived { .. }
            )
        )
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Missing => Kind::MISSING,
            Self::InvalidId(_) => Kind::INVALID_ID,
            Self::Ambiguous { .. } => Kind::AMBIGUOUS,
            Self::Unauthenticated { .. } => Kind::UNAUTHENTICATED,
            Self::Forbidden { .. } => Kind::FORBIDDEN,
            Self::Disagreement { .. } => Kind::DISAGREEMENT,
            Self::TransactionHeld | Self::NobodyEndsTransaction | Self::NoMiddleware => {
                Kind::INTERNAL
            }
            Self::Tenant(error) => Kind::of(error),
        }
    }

    /// Tells the log, once for each problem.
    pub(crate) fn log(&self) {
        let kind = self.kind();
        let status = kind.status.as_u16();
        match self {
            // The core's advice is for code without a middleware around it.
            Self::Tenant(TenantError::NoTenant) => tracing::error!(
                problem = kind.word,
                status,
                "no tenant is current: a path that is served without one, or a task spawned without its scope"
            ),
            _ if status == 503 => tracing::warn!(problem = kind.word, status, "{self}"),
            _ if status >= 500 => tracing::error!(problem = kind.word, status, "{self}"),
            _ => tracing::debug!(problem = kind.word, status, "{self}"),
        }
    }
}

impl From<TenantError> for TenantProblem {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::InvalidTenantId(invalid) => Self::InvalidId(invalid),
            other => Self::Tenant(other),
        }
    }
}

impl From<DbErr> for TenantProblem {
    fn from(error: DbErr) -> Self {
        TenantError::from(error).into()
    }
}

impl From<InvalidTenantId> for TenantProblem {
    fn from(invalid: InvalidTenantId) -> Self {
        Self::InvalidId(invalid)
    }
}

impl ResponseError for TenantProblem {
    fn status_code(&self) -> StatusCode {
        self.kind().status
    }

    fn error_response(&self) -> HttpResponse {
        self.log();
        self.kind().respond(DEFAULT_RETRY_AFTER)
    }
}
