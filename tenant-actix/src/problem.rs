use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use sea_orm::{ConnAcquireErr, DbErr};
use serde::Serialize;
use tenant_core::{InvalidTenantId, TenantError};

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
/// | a tenant in maintenance or not ready, a store or a database that does not answer, connections that are all in use | 503 with `Retry-After` |
/// | anything else | 500 |
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
    /// end it: in the scope of another tenant than the request's, or without the middleware.
    #[error(
        "a TenantTransaction was asked for where nobody ends it: it is for handlers inside TenantMiddleware, in their own tenant's scope; elsewhere begin one on TenantDb"
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

    pub(crate) fn ambiguous(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Ambiguous { what: what.into() }
    }

    /// Whether a tenant exists that is not served: what may have to be hidden.
    fn tells_existence(&self) -> bool {
        matches!(
            self,
            Self::Tenant(
                TenantError::Suspended { .. }
                    | TenantError::InMaintenance { .. }
                    | TenantError::NotReady { .. }
                    | TenantError::Archived { .. }
            )
        )
    }

    fn kind(&self) -> Kind {
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
    fn log(&self) {
        let kind = self.kind();
        let status = kind.status.as_u16();
        match self {
            // A mistake of the application's, and no fault of the client's.
            Self::Tenant(TenantError::NoTenant) => tracing::error!(
                problem = kind.word,
                status,
                "a tenant extractor runs on a path that is served without a tenant: {self}"
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

/// What an answer says: the same for all problems of a kind.
#[derive(Clone, Copy)]
struct Kind {
    word: &'static str,
    title: &'static str,
    status: StatusCode,
}

impl Kind {
    const MISSING: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "tenant-missing",
        "The request names no tenant",
    );
    const INVALID_ID: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "invalid-tenant-id",
        "That is no tenant id",
    );
    const AMBIGUOUS: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "tenant-ambiguous",
        "The request names its tenant ambiguously",
    );
    const UNAUTHENTICATED: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "The token is not valid",
    );
    const FORBIDDEN: Self = Self::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "The request is not allowed",
    );
    const DISAGREEMENT: Self = Self::new(
        StatusCode::FORBIDDEN,
        "tenant-disagreement",
        "Parts of the request name different tenants",
    );
    const SUSPENDED: Self = Self::new(
        StatusCode::FORBIDDEN,
        "tenant-suspended",
        "The tenant is suspended",
    );
    const UNKNOWN: Self = Self::new(StatusCode::NOT_FOUND, "unknown-tenant", "No such tenant");
    const ARCHIVED: Self = Self::new(StatusCode::GONE, "tenant-archived", "The tenant is gone");
    const MAINTENANCE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "tenant-in-maintenance",
        "The tenant is in maintenance",
    );
    const NOT_READY: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "tenant-not-ready",
        "The tenant is being set up",
    );
    const STORE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "store-unavailable",
        "Tenants cannot be looked up right now",
    );
    const DATA_SOURCE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "database-unavailable",
        "The tenant's database does not answer",
    );
    const BUSY: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "busy",
        "All database connections are in use",
    );
    const INTERNAL: Self = Self::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "The request failed",
    );

    const fn new(status: StatusCode, word: &'static str, title: &'static str) -> Self {
        Self {
            word,
            title,
            status,
        }
    }

    fn of(error: &TenantError) -> Self {
        match error {
            TenantError::NoTenant => Self::MISSING,
            TenantError::InvalidTenantId(_) => Self::INVALID_ID,
            TenantError::UnknownTenant { .. } => Self::UNKNOWN,
            TenantError::Suspended { .. } => Self::SUSPENDED,
            TenantError::InMaintenance { .. } => Self::MAINTENANCE,
            TenantError::NotReady { .. } => Self::NOT_READY,
            TenantError::Archived { .. } => Self::ARCHIVED,
            TenantError::StoreUnavailable { .. } => Self::STORE,
            TenantError::DataSourcesExhausted { .. }
            | TenantError::Database(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) => {
                Self::BUSY
            }
            error if error.is_connection_failure() => Self::DATA_SOURCE,
            _ => Self::INTERNAL,
        }
    }

    fn respond(self, retry_after: Duration) -> HttpResponse {
        #[derive(Serialize)]
        struct Body {
            r#type: String,
            title: &'static str,
            status: u16,
        }

        let mut response = HttpResponse::build(self.status);
        response.insert_header((CACHE_CONTROL, "no-store"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            // Rounded up: who comes back a moment too early comes in vain.
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            response.insert_header((RETRY_AFTER, seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#));
        }
        response.content_type("application/problem+json");
        response.json(Body {
            r#type: format!("tag:sea-orm-tenant,2026:{}", self.word),
            title: self.title,
            status: self.status.as_u16(),
        })
    }
}

const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(10);

type OnProblem = dyn Fn(&TenantProblem, &HttpRequest) -> Option<HttpResponse> + Send + Sync;

/// How an application wants its problems answered.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) hide_existence: bool,
    pub(crate) retry_after: Duration,
    pub(crate) on_problem: Option<Arc<OnProblem>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            hide_existence: false,
            retry_after: DEFAULT_RETRY_AFTER,
            on_problem: None,
        }
    }
}

impl Answers {
    /// The answer to a problem that nobody has answered yet.
    pub(crate) fn refuse(&self, problem: &TenantProblem, request: &HttpRequest) -> HttpResponse {
        problem.log();
        self.answer(problem, request)
    }

    /// The answer to a problem that is in the log already.
    pub(crate) fn answer(&self, problem: &TenantProblem, request: &HttpRequest) -> HttpResponse {
        let own = self
            .on_problem
            .as_ref()
            .and_then(|answer| answer(problem, request));
        own.unwrap_or_else(|| {
            let kind = if self.hide_existence && problem.tells_existence() {
                Kind::UNKNOWN
            } else {
                problem.kind()
            };
            kind.respond(self.retry_after)
        })
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("hide_existence", &self.hide_existence)
            .field("retry_after", &self.retry_after)
            .field("on_problem", &self.on_problem.is_some())
            .finish()
    }
}
