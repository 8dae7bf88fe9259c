use std::time::Duration;

use sea_orm::{DbBackend, DbErr};

use crate::{TenantError, TenantLimits};

/// What is set on a connection for whoever uses it next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    statement_timeout: Option<Duration>,
}

impl Session {
    pub(super) fn of(limits: TenantLimits) -> Self {
        Self {
            statement_timeout: limits.statement_timeout,
        }
    }

    /// What sets it, until another one is set.
    pub(super) fn set(self, backend: DbBackend) -> Option<String> {
        let timeout = self.statement_timeout.map(|timeout| timeout.as_millis());
        match (backend, timeout) {
            (DbBackend::Postgres, Some(timeout)) => Some(format!("SET statement_timeout = {timeout}")),
            (DbBackend::Postgres, None) => Some("SET statement_timeout = DEFAULT".to_owned()),
            // MariaDB reads the first comment, in seconds, and MySQL the second one.
            (DbBackend::MySql, Some(timeout)) => Some(format!(
                "SET SESSION /*M! max_statement_time = {}.{:03} */ /*!50708 max_execution_time = {timeout} */",
                timeout / 1000,
                timeout % 1000,
            )),
            (DbBackend::MySql, None) => Some(
                "SET SESSION /*M! max_statement_time = DEFAULT */ /*!50708 max_execution_time = DEFAULT */"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// What sets it on a connection in a transaction, for that transaction where there is such a thing.
    pub(super) fn set_in_transaction(self, backend: DbBackend) -> Option<String> {
        let set = self.set(backend)?;
        Some(match backend {
            DbBackend::Postgres => set.replacen("SET", "SET LOCAL", 1),
            _ => set,
        })
    }
}

/// Tells a statement that the server gave up, because of what is set, from others that fail.
pub(super) fn explain(session: Option<Session>, error: DbErr) -> DbErr {
    match session.and_then(|session| session.statement_timeout) {
        Some(limit) if timed_out(&error) => TenantError::StatementTimeout { limit }.into(),
        _ => error,
    }
}

/// PostgreSQL says the same of a statement that an operator cancelled.
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-mysql"))]
fn timed_out(error: &DbErr) -> bool {
    use sea_orm::sqlx;
    let Some(error) = super::said::by_server(error) else {
        return false;
    };
    #[cfg(feature = "sqlx-postgres")]
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return error.code() == QUERY_CANCELED;
    }
    #[cfg(feature = "sqlx-mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return matches!(error.number(), ER_QUERY_TIMEOUT | ER_STATEMENT_TIMEOUT);
    }
    false
}

#[cfg(feature = "sqlx-postgres")]
const QUERY_CANCELED: &str = "57014";

/// MySQL's.
#[cfg(feature = "sqlx-mysql")]
const ER_QUERY_TIMEOUT: u16 = 3024;

/// MariaDB's.
#[cfg(feature = "sqlx-mysql")]
const ER_STATEMENT_TIMEOUT: u16 = 1969;

/// SQLite gives no statement up.
#[cfg(not(any(feature = "sqlx-postgres", feature = "sqlx-mysql")))]
fn timed_out(_: &DbErr) -> bool {
    false
}
