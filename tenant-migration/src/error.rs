use std::sync::Arc;

use sea_orm::DbErr;
use tenant_core::{
    ConnectionInfo, InvalidPlacement, SchemaName, TenantError, TenantId, TenantStatus,
};

/// What can go wrong with a tenant's schema, or with the fleet's.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// About the tenant, its entry, or its database.
    #[error(transparent)]
    Tenant(#[from] TenantError),

    /// A migration failed. On PostgreSQL and SQLite nothing of it is left.
    #[error("migration {migration} failed: {source}")]
    Migration {
        /// The migration.
        migration: Arc<str>,
        /// What the database said.
        source: DbErr,
    },

    /// A migration failed half way, where nothing takes back what it did until then: it wants no
    /// transaction, or, on MySQL, it was begun before, and failed when it was run again.
    #[error(
        "migration {migration} failed half way: {source}. The schema has what it did until then. Mend it by hand, or make the migration one that can be run again (`if_not_exists`, `has_column`)"
    )]
    HalfApplied {
        /// The migration.
        migration: Arc<str>,
        /// What the database said.
        source: DbErr,
    },

    /// The schema has migrations that this program does not know.
    #[error(
        "the schema has migrations that this program does not know: {}. Run the program that applied them, or a newer one", migrations.join(", ")
    )]
    UnknownMigrations {
        /// Their names.
        migrations: Vec<Arc<str>>,
    },

    /// Somebody else has been at work on the schema for as long as one waits.
    #[error("somebody else is at work on {place}; try again later")]
    Locked {
        /// The schema, or, on SQLite, the file, in words.
        place: String,
    },

    /// Where the tenant's schema is to be made, there is something already that was not made for it.
    #[error(
        "{place} is there already, and was not made for tenant {tenant}: nothing was changed. Place the tenant elsewhere, or remove it by hand"
    )]
    SchemaOccupied {
        /// The tenant.
        tenant: TenantId,
        /// The schema, or, on SQLite, the file, in words.
        place: String,
    },

    /// What is to be a tenant's database role, or that of all tenants, is one that can log in, or has
    /// rights elsewhere: somebody else's, or left behind by a tenant that was moved without its role.
    #[error(
        "the database role {role} was not made for this tenant: it can log in, or has rights elsewhere. Nothing was changed. Remove it by hand (`DROP OWNED BY`, `DROP ROLE`), or call the roles otherwise (`DatabaseRoles::new`)"
    )]
    RoleOccupied {
        /// The role.
        role: String,
    },

    /// The tenant's status does not allow it.
    #[error("tenant {tenant} is {status}, and {operation} needs it to be {needed}")]
    WrongStatus {
        /// The tenant.
        tenant: TenantId,
        /// What it is.
        status: TenantStatus,
        /// What was to be done.
        operation: &'static str,
        /// What it must be.
        needed: &'static str,
    },

    /// Something that cannot be undone was asked for, and not confirmed.
    #[error("{operation} cannot be undone: confirm it with {how}")]
    Unconfirmed {
        /// What was to be done.
        operation: String,
        /// How to say that it is meant.
        how: String,
    },

    /// What may be done in development only.
    #[error(
        "`fresh` drops all tables of every tenant, and is for development: build the fleet with `development(true)`, or set TENANT_ENV=development"
    )]
    Production,

    /// The structures differ where they have to be alike.
    #[error(
        "the schema of tenant {tenant} is not what its migrations make, so a copy would lack something: mend it, or write a migration:\n{drift}"
    )]
    Drifted {
        /// The tenant.
        tenant: TenantId,
        /// In words.
        drift: String,
    },

    /// The seed, or a hook, failed.
    #[error("{step} failed: {source}")]
    Step {
        /// Which one.
        step: &'static str,
        /// What it said.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },

    /// It panicked, which stopped nobody else.
    #[error("it panicked: {message}")]
    Panicked {
        /// What the panic said.
        message: String,
    },

    /// It took longer than allowed.
    #[error("it did not end within {limit:?}; raise `tenant_timeout` if it needs longer")]
    TimedOut {
        /// The limit.
        limit: std::time::Duration,
    },

    /// A setting is missing or makes no sense.
    #[error("configuration: {0}")]
    Configuration(String),
}

impl MigrationError {
    /// Of a schema on a server, which has its name for itself.
    pub(crate) fn locked(schema: &SchemaName) -> Self {
        Self::Locked {
            place: format!("the schema {schema}"),
        }
    }

    /// Whether trying again soon may help: somebody else held a lock, or was in the way.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Locked { .. } => true,
            Self::Migration { source, .. } | Self::Tenant(TenantError::Database(source)) => {
                conflict::is_transient(source)
            }
            _ => false,
        }
    }
}

/// A place in words. On SQLite all schemas are called alike, and files are told apart.
pub(crate) fn in_words(place: &ConnectionInfo) -> String {
    match place.url().file() {
        Some(file) => format!("the file {}", file.display()),
        None => format!("the schema {}", place.schema()),
    }
}

impl From<InvalidPlacement> for MigrationError {
    fn from(error: InvalidPlacement) -> Self {
        TenantError::from(error).into()
    }
}

impl From<DbErr> for MigrationError {
    fn from(error: DbErr) -> Self {
        Self::Tenant(error.into())
    }
}

/// Which of the drivers' errors are about others, and pass.
pub(crate) mod conflict {
    use sea_orm::DbErr;

    pub(crate) fn is_transient(error: &DbErr) -> bool {
        code(error).is_some_and(|code| {
            matches!(
                code.as_str(),
                // PostgreSQL: lock not available, deadlock, serialisation failure.
                "55P03" | "40P01" | "40001"
                // MySQL, by its own numbers: lock wait timeout, deadlock.
                | "1205" | "1213"
                // SQLite: busy, locked, and busy with a snapshot that is too old.
                | "5" | "6" | "261" | "262" | "517" | "773"
            )
        })
    }

    /// PostgreSQL: two who create one schema, or one role, at once are told so by the catalogue's
    /// index.
    pub(crate) fn is_duplicate(error: &DbErr) -> bool {
        code(error)
            .is_some_and(|code| matches!(code.as_str(), "23505" | "42P06" | "42710" | "1007"))
    }

    /// PostgreSQL: "tuple concurrently updated", of two who change one role or its rights at once. It
    /// has no code of its own, and is told by the server function that says it.
    #[cfg(feature = "sqlx-postgres")]
    pub(crate) fn is_concurrent_update(error: &DbErr) -> bool {
        use sea_orm::sqlx::postgres::PgDatabaseError;
        let error = by_server(error).and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
        error.is_some_and(|error| {
            error.code() == "XX000"
                && matches!(
                    error.routine(),
                    Some("simple_heap_update" | "simple_heap_delete")
                )
        })
    }

    /// Without the driver, it is not said.
    #[cfg(not(feature = "sqlx-postgres"))]
    pub(crate) fn is_concurrent_update(_: &DbErr) -> bool {
        false
    }

    /// MySQL: what a statement was to make is there, or what it was to remove is gone.
    pub(crate) fn is_done_already(error: &DbErr) -> bool {
        code(error).is_some_and(|code| {
            matches!(
                code.as_str(),
                // Databases, tables, columns, keys, foreign keys, checks; in MariaDB's words, too.
                "1007" | "1050" | "1060" | "1061" | "1068" | "1022" | "1826" | "3822" | "1005"
                // Triggers, routines.
                | "1359" | "1304"
                // What is gone: tables, columns and keys.
                | "1051" | "1091"
            )
        })
    }

    /// There is no such table, or not even its schema.
    pub(crate) fn is_undefined_table(error: &DbErr) -> bool {
        // Of SQLite it is the code of any mistake in a statement; ours have no other.
        code(error)
            .is_some_and(|code| matches!(code.as_str(), "42P01" | "3F000" | "1146" | "1049" | "1"))
    }

    /// What the driver calls it; of MySQL the number, which says more than the SQLSTATE.
    #[cfg(any(
        feature = "sqlx-postgres",
        feature = "sqlx-mysql",
        feature = "sqlx-sqlite"
    ))]
    fn code(error: &DbErr) -> Option<String> {
        let error = by_server(error)?;
        #[cfg(feature = "sqlx-mysql")]
        if let Some(mysql) = error.try_downcast_ref::<sea_orm::sqlx::mysql::MySqlDatabaseError>() {
            return Some(mysql.number().to_string());
        }
        error.code().map(|code| code.into_owned())
    }

    /// What the server itself said, where a statement failed because of that.
    #[cfg(any(
        feature = "sqlx-postgres",
        feature = "sqlx-mysql",
        feature = "sqlx-sqlite"
    ))]
    fn by_server(error: &DbErr) -> Option<&(dyn sea_orm::sqlx::error::DatabaseError + 'static)> {
        use sea_orm::RuntimeErr;

        let (DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error))
        | DbErr::Conn(RuntimeErr::SqlxError(error))) = error
        else {
            return None;
        };
        error.as_database_error()
    }

    /// Without a driver, nobody says anything.
    #[cfg(not(any(
        feature = "sqlx-postgres",
        feature = "sqlx-mysql",
        feature = "sqlx-sqlite"
    )))]
    fn code(_: &DbErr) -> Option<String> {
        None
    }
}
