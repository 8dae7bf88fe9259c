use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use sea_orm::{ConnAcquireErr, DbErr};
use serde::Serialize;
use tenant_core::TenantError;

/// What an answer says: the same for all problems of a kind.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) word: &'static str,
    title: &'static str,
    pub(crate) status: StatusCode,
}

impl Kind {
    pub(crate) const MISSING: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "tenant-missing",
        "The request names no tenant",
    );
    pub(crate) const INVALID_ID: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "invalid-tenant-id",
        "That is no tenant id",
    );
    pub(crate) const AMBIGUOUS: Self = Self::new(
        StatusCode::BAD_REQUEST,
        "tenant-ambiguous",
        "The request names its tenant ambiguously",
    );
    pub(crate) const UNAUTHENTICATED: Self = Self::new(
        StatusCode::UNAUTHORIZED,
        "unauthenticated",
        "The token is not valid",
    );
    pub(crate) const FORBIDDEN: Self = Self::new(
        StatusCode::FORBIDDEN,
        "forbidden",
        "The request is not allowed",
    );
    pub(crate) const DISAGREEMENT: Self = Self::new(
        StatusCode::FORBIDDEN,
        "tenant-disagreement",
        "Parts of the request name different tenants",
    );
    const SUSPENDED: Self = Self::new(
        StatusCode::FORBIDDEN,
        "tenant-suspended",
        "The tenant is suspended",
    );
    pub(crate) const UNKNOWN: Self =
        Self::new(StatusCode::NOT_FOUND, "unknown-tenant", "No such tenant");
    const ARCHIVED: Self = Self::new(StatusCode::GONE, "tenant-archived", "The tenant is gone");
    const MAINTENANCE: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "tenant-in-maintenance",
        "The tenant is in maintenance",
    );
    const MIGRATING: Self = Self::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "tenant-migrating",
        "The tenant is being migrated",
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
    const TIMEOUT: Self = Self::new(
        StatusCode::GATEWAY_TIMEOUT,
        "statement-timeout",
        "The database was given no more time",
    );
    pub(crate) const INTERNAL: Self = Self::new(
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

    pub(crate) fn of(error: &TenantError) -> Self {
        match error {
            TenantError::InvalidTenantId(_) => Self::INVALID_ID,
            TenantError::UnknownTenant { .. } => Self::UNKNOWN,
            TenantError::Suspended { .. } => Self::SUSPENDED,
            TenantError::InMaintenance { .. } => Self::MAINTENANCE,
            TenantError::Migrating { .. } => Self::MIGRATING,
            TenantError::NotReady { .. } => Self::NOT_READY,
            TenantError::Archived { .. } => Self::ARCHIVED,
            TenantError::StoreUnavailable { .. } => Self::STORE,
            TenantError::DataSourcesExhausted { .. }
            | TenantError::ConnectionsBusy { .. }
            | TenantError::Database(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)) => {
                Self::BUSY
            }
            TenantError::StatementTimeout { .. } => Self::TIMEOUT,
            error if error.is_connection_failure() => Self::DATA_SOURCE,
            _ => Self::INTERNAL,
        }
    }

    pub(crate) fn respond(self, retry_after: Duration) -> HttpResponse {
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
            let begun = u64::from(retry_after.subsec_nanos() > 0);
            let seconds = retry_after.as_secs().saturating_add(begun);
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
