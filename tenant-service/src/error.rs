use sea_orm::DbErr;
use tenant_core::TenantError;

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The administrator's token can be guessed.
    #[error(
        "the administrator's token is shorter than {} bytes; make a longer one, or leave it out and one is made",
        crate::Settings::MIN_ADMIN_TOKEN
    )]
    ShortAdminToken,

    /// The service's database does not answer, or its tables cannot be made.
    #[error("the service's database: {0}")]
    Store(#[from] TenantError),

    /// The service's table of tokens cannot be made.
    #[error("the service's table of tokens: {0}")]
    Tokens(#[source] DbErr),

    /// The address cannot be listened on.
    #[error("listening: {0}")]
    Listen(#[source] std::io::Error),

    /// The operating system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[source] std::io::Error),
}
