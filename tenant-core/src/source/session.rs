use std::time::Duration;

use sea_orm::{DbBackend, DbErr, Statement};
use smol_str::SmolStr;

use super::begins;
use crate::{TenantError, schema::quote_identifier};

/// What is set on a connection for whoever uses it next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) statement_timeout: Setting<Duration>,
    /// PostgreSQL's.
    pub(super) role: Setting<SmolStr>,
}

/// One thing that may be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Setting<T> {
    /// It is set for nobody.
    Unused,
    /// What it is when a connection is opened.
    Default,
    To(T),
}

/// What is run on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text<'s> {
    /// A sign of life.
    Ping,
    /// A statement that was built: it reads or writes rows.
    Typed(&'s str),
    /// A statement that somebody wrote: it may set something on the connection, too.
    Raw {
        sql: &'s str,
        /// Whether its values are beside it, so that there are none in it.
        values: bool,
    },
    /// As many statements as somebody wrote, some of which may be done when another one fails.
    Script(&'s str),
}

impl<'s> Text<'s> {
    pub(super) fn raw(statement: &'s Statement) -> Self {
        Self::Raw {
            sql: &statement.sql,
            values: statement.values.is_some(),
        }
    }

    /// For those who look on: not what may have values in it.
    pub(super) fn shown(self) -> Option<&'s str> {
        match self {
            Self::Typed(sql) => Some(sql),
            Self::Raw { sql, values: true } => Some(sql),
            Self::Ping | Self::Raw { .. } | Self::Script(_) => None,
        }
    }

    /// Whether what is set on the connection may be something else afterwards.
    pub(super) fn may_set(self) -> bool {
        matches!(self, Self::Raw { .. } | Self::Script(_))
    }

    /// Whether it may be run again where it failed, because all of it did.
    pub(super) fn fails_whole(self) -> bool {
        !matches!(self, Self::Script(_))
    }

    /// Whether it may leave a transaction open, in which whatever came next on the connection would
    /// run.
    pub(super) fn may_begin(self) -> bool {
        match self {
            Self::Raw { sql, .. } | Self::Script(sql) => begins::may_begin(sql),
            Self::Ping | Self::Typed(_) => false,
        }
    }
}

impl<T> Setting<T> {
    /// What it is for somebody who has `value`, if it is used at all.
    pub(super) fn of(is_used: bool, value: Option<T>) -> Self {
        match value {
            _ if !is_used => Self::Unused,
            Some(value) => Self::To(value),
            None => Self::Default,
        }
    }
}

impl Session {
    /// Whether it sets nothing at all.
    pub(super) fn is_unused(&self) -> bool {
        matches!(
            (&self.statement_timeout, &self.role),
            (Setting::Unused, Setting::Unused)
        )
    }

    /// What sets it, until another one is set.
    pub(super) fn set(&self, backend: DbBackend) -> Option<String> {
        match backend {
            DbBackend::Postgres => self.set_on_postgres("SET"),
            DbBackend::MySql => self.set_on_mysql(),
            _ => None,
        }
    }

    /// What sets it on a connection in a transaction, for that transaction where there is such a thing.
    pub(super) fn set_in_transaction(&self, backend: DbBackend) -> Option<String> {
        match backend {
            DbBackend::Postgres => self.set_on_postgres("SET LOCAL"),
            backend => self.set(backend),
        }
    }

    /// Both in one, so that there is one round trip.
    fn set_on_postgres(&self, set: &str) -> Option<String> {
        let timeout = match &self.statement_timeout {
            Setting::Unused => None,
            Setting::Default => Some(format!("{set} statement_timeout = DEFAULT")),
            Setting::To(timeout) => {
                Some(format!("{set} statement_timeout = {}", timeout.as_millis()))
            }
        };
        let role = match &self.role {
            Setting::Unused => None,
            Setting::Default => Some(format!("{set} role = DEFAULT")),
            Setting::To(role) => {
                let role = quote_identifier(role, DbBackend::Postgres);
                Some(format!("{set} ROLE {role}"))
            }
        };
        match (timeout, role) {
            (Some(timeout), Some(role)) => Some(format!("{timeout}; {role}")),
            (timeout, role) => timeout.or(role),
        }
    }

    /// MariaDB reads the first comment, in seconds, and MySQL the second one.
    fn set_on_mysql(&self) -> Option<String> {
        match &self.statement_timeout {
            Setting::Unused => None,
            Setting::Default => Some(
                "SET SESSION /*M! max_statement_time = DEFAULT */ /*!50708 max_execution_time = DEFAULT */"
                    .to_owned(),
            ),
            Setting::To(timeout) => {
                let timeout = timeout.as_millis();
                Some(format!(
                    "SET SESSION /*M! max_statement_time = {}.{:03} */ /*!50708 max_execution_time = {timeout} */",
                    timeout / 1000,
                    timeout % 1000,
                ))
            }
        }
    }

    /// What a failure to set it is.
    pub(super) fn refused(&self, error: DbErr) -> DbErr {
        match &self.role {
            Setting::To(role) if is_said(&error, Said::NoSuchRole) => TenantError::RoleRefused {
                role: role.as_str().into(),
                source: error,
            }
            .into(),
            _ => error,
        }
    }

    /// Tells a statement that the server gave up, or refused, because of what is set, from others that
    /// fail.
    pub(super) fn explain(&self, error: DbErr) -> DbErr {
        match (&self.statement_timeout, &self.role) {
            (Setting::To(limit), _) if is_said(&error, Said::TooLong) => {
                TenantError::StatementTimeout { limit: *limit }.into()
            }
            (_, Setting::To(role)) if is_said(&error, Said::NoRight) => {
                // The first wall let it through, or the role lacks a right: somebody has to know.
                tracing::warn!(db.role = role.as_str(), %error, "the database refused a tenant's statement");
                error
            }
            _ => error,
        }
    }
}

/// What a server says because of what is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    TooLong,
    NoRight,
    /// Or one that may not be taken.
    NoSuchRole,
}

#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-mysql"))]
fn is_said(error: &DbErr, said: Said) -> bool {
    use sea_orm::sqlx;
    let Some(error) = super::said::by_server(error) else {
        return false;
    };
    #[cfg(feature = "sqlx-postgres")]
    if let Some(error) = error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        return match said {
            // It says the same of a statement that an operator cancelled.
            Said::TooLong => error.code() == QUERY_CANCELED,
            Said::NoRight => error.code() == INSUFFICIENT_PRIVILEGE,
            Said::NoSuchRole => {
                matches!(
                    error.code(),
                    INVALID_PARAMETER_VALUE | INSUFFICIENT_PRIVILEGE
                )
            }
        };
    }
    #[cfg(feature = "sqlx-mysql")]
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        let is_timeout = matches!(error.number(), ER_QUERY_TIMEOUT | ER_STATEMENT_TIMEOUT);
        return said == Said::TooLong && is_timeout;
    }
    false
}

#[cfg(feature = "sqlx-postgres")]
const QUERY_CANCELED: &str = "57014";

#[cfg(feature = "sqlx-postgres")]
const INSUFFICIENT_PRIVILEGE: &str = "42501";

#[cfg(feature = "sqlx-postgres")]
const INVALID_PARAMETER_VALUE: &str = "22023";

/// MySQL's.
#[cfg(feature = "sqlx-mysql")]
const ER_QUERY_TIMEOUT: u16 = 3024;

/// MariaDB's.
#[cfg(feature = "sqlx-mysql")]
const ER_STATEMENT_TIMEOUT: u16 = 1969;

/// SQLite gives no statement up, and has no roles.
#[cfg(not(any(feature = "sqlx-postgres", feature = "sqlx-mysql")))]
fn is_said(_: &DbErr, _: Said) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(timeout: Setting<Duration>, role: Setting<SmolStr>) -> Session {
        Session {
            statement_timeout: timeout,
            role,
        }
    }

    #[test]
    fn what_nobody_uses_is_not_set() {
        let nothing = session(Setting::Unused, Setting::Unused);
        for backend in [DbBackend::Postgres, DbBackend::MySql, DbBackend::Sqlite] {
            assert_eq!(nothing.set(backend), None);
            assert_eq!(nothing.set_in_transaction(backend), None);
        }
    }

    #[test]
    fn a_role_is_quoted_and_ends_with_its_transaction() {
        let role = session(Setting::Unused, Setting::To("a\"b".into()));
        let set = role.set(DbBackend::Postgres).unwrap();
        assert_eq!(set, r#"SET ROLE "a""b""#);
        let set = role.set_in_transaction(DbBackend::Postgres).unwrap();
        assert_eq!(set, r#"SET LOCAL ROLE "a""b""#);
        assert_eq!(role.set(DbBackend::MySql), None);
    }

    #[test]
    fn both_are_set_at_once() {
        let timeout = Setting::To(Duration::from_millis(1500));
        let both = session(timeout, Setting::Default);
        let set = both.set_in_transaction(DbBackend::Postgres).unwrap();
        assert_eq!(
            set,
            "SET LOCAL statement_timeout = 1500; SET LOCAL role = DEFAULT"
        );
    }
}
