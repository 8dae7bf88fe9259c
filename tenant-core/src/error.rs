use std::{sync::Arc, time::Duration};

use sea_orm::{DbBackend, DbErr, RuntimeErr};

use crate::{InvalidSchemaName, InvalidTenantId, SchemaName, TenantId, TenantStatus};

/// What can go wrong between a request and its tenant's rows: one variant for each thing that a
/// caller may act on.
///
/// "There is no such tenant", "it is not served now", "we cannot know" and "that is no id" are
/// different answers, and stay different all the way up.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// No tenant is current. The code runs outside of every scope, or in a task that was spawned
    /// without carrying the tenant over.
    #[error(
        "no tenant is current: run this inside `TenantContext::scope` or a `#[with_tenant]` function, and spawn tasks with `TenantContext::spawn`"
    )]
    NoTenant,

    /// A text is no tenant id.
    #[error(transparent)]
    InvalidTenantId(#[from] InvalidTenantId),

    /// A text is no schema name.
    #[error(transparent)]
    InvalidSchemaName(#[from] InvalidSchemaName),

    /// The store knows no such tenant.
    #[error("tenant {tenant} is unknown")]
    UnknownTenant {
        /// The tenant that was asked for.
        tenant: TenantId,
    },

    /// The tenant's schema is older than the application: its migration is under way, or to come.
    #[error(
        "tenant {tenant} is being migrated: its schema has not got {migration} yet; try again later"
    )]
    Migrating {
        /// The tenant that was asked for.
        tenant: TenantId,
        /// The migration that the application needs.
        migration: Arc<str>,
    },

    /// The tenant exists and is locked out until somebody activates it again.
    #[error("tenant {tenant} is suspended")]
    Suspended {
        /// The tenant that was asked for.
        tenant: TenantId,
    },

    /// The tenant is being worked on and comes back by itself.
    #[error("tenant {tenant} is in maintenance; try again later")]
    InMaintenance {
        /// The tenant that was asked for.
        tenant: TenantId,
    },

    /// The tenant is being set up: [`Pending`](TenantStatus::Pending) or
    /// [`Provisioning`](TenantStatus::Provisioning).
    #[error("tenant {tenant} is not ready yet: it is {status}")]
    NotReady {
        /// The tenant that was asked for.
        tenant: TenantId,
        /// How far it is.
        status: TenantStatus,
    },

    /// The tenant is gone, its data is kept.
    #[error("tenant {tenant} is archived")]
    Archived {
        /// The tenant that was asked for.
        tenant: TenantId,
    },

    /// The store could not answer, so whether the tenant exists is not known.
    #[error("the tenant store is unavailable: {source}")]
    StoreUnavailable {
        /// What failed.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },

    /// The store has something for the tenant that makes no sense.
    #[error("the tenant store's entry for {tenant} is unusable: {reason}")]
    InvalidStoreEntry {
        /// The tenant that was asked for.
        tenant: TenantId,
        /// What is wrong with it, without secrets.
        reason: String,
    },

    /// What was to be written about a tenant is not what a store takes. Nothing was written.
    #[error("what was to be written about tenant {tenant} was refused: {reason}")]
    EntryRefused {
        /// The tenant that was to be made or changed.
        tenant: TenantId,
        /// What is wrong with it, and the way out; without secrets.
        reason: String,
    },

    /// A tenant of that id is there already.
    #[error("tenant {tenant} exists already")]
    TenantExists {
        /// The tenant that was to be made.
        tenant: TenantId,
    },

    /// No such step leads from a tenant's status to another: see [`TenantStatus::may_become`].
    #[error("tenant {tenant} is {from} and cannot become {to}")]
    IllegalStatusChange {
        /// The tenant.
        tenant: TenantId,
        /// What it is.
        from: TenantStatus,
        /// What it was to become; `deleted`, where it was to be removed.
        to: &'static str,
    },

    /// Somebody else changed the tenant since it was read. Nothing was written.
    #[error("tenant {tenant} was changed by somebody else; read it again, and decide again")]
    TenantChanged {
        /// The tenant.
        tenant: TenantId,
    },

    /// The tenant's database does not answer.
    #[error("a {backend} data source is unavailable: {source}")]
    DataSourceUnavailable {
        /// Which kind of database.
        backend: &'static str,
        /// What the driver said; the database's URL is cut out of it.
        source: DbErr,
    },

    /// As many data sources as allowed are open, and all are in use.
    #[error(
        "all {max} data sources are in use; raise `max_data_sources`, or hold tenant connections for shorter"
    )]
    DataSourcesExhausted {
        /// The configured bound.
        max: usize,
    },

    /// No connection became free in time, or too many wait for one already. For a tenant that is one
    /// of the few that it may use.
    #[error(
        "no {backend} connection was free: the {connections} of {of} that may be used here were busy for {waited:?}. Hold transactions for shorter, or raise `connections_per_tenant` or `max_connections`"
    )]
    ConnectionsBusy {
        /// Which kind of database.
        backend: &'static str,
        /// How many connections could have been used.
        connections: usize,
        /// How many there are, at most.
        of: usize,
        /// How long they were waited for: not at all, where as many wait for the tenant as may.
        waited: Duration,
    },

    /// A statement took longer than the tenant's statements may, and the server gave it up.
    #[error(
        "a statement took longer than the {limit:?} that the tenant's limits allow; ask for less at a time, or raise `TenantLimits::statement_timeout`"
    )]
    StatementTimeout {
        /// How long it may take: see
        /// [`TenantLimits::statement_timeout`](crate::TenantLimits::statement_timeout).
        limit: Duration,
    },

    /// The tenant's statements run under a database role of its own, and the server does not let them:
    /// there is no such role, or the application may not take it. Nothing was run.
    #[error(
        "a tenant's statement cannot run under its database role: {source}. Give tenants made before the roles theirs with `Fleet::grant_roles`, and name the application's login with `FleetBuilder::role_members`"
    )]
    RoleRefused {
        /// The role.
        role: Box<str>,
        /// What the server said.
        source: DbErr,
    },

    /// Raw SQL on a tenant connection does not say `$tenant`.
    #[error(
        "raw SQL was refused on a tenant connection: it does not name `$tenant`. Qualify its tables with `$tenant.`, or call `unscoped_raw()` if it is meant to run outside the tenant"
    )]
    UnscopedSql,

    /// A typed statement that changes a schema, on a tenant connection, does not say `$tenant`.
    #[error(
        "a change of the schema was refused on a tenant connection: it does not name `$tenant`. Make tenants' tables with `get_schema_builder()`, and shared ones on `Tenancy::shared()`; write what sea-query cannot qualify as raw SQL with `$tenant.`"
    )]
    UnscopedSchemaChange,

    /// The database cannot do what was asked.
    #[error("{operation} is not possible on {backend}: {instead}")]
    Unsupported {
        /// What was asked for.
        operation: &'static str,
        /// Which kind of database.
        backend: &'static str,
        /// Why, and what to do instead.
        instead: &'static str,
    },

    /// Beginning or ending a savepoint failed or was cancelled, and the driver may have rolled back
    /// the transaction around it.
    #[error(
        "the transaction is lost: beginning or ending a savepoint in it failed or was cancelled. Nothing of it is committed; begin again"
    )]
    TransactionLost,

    /// The tenant's database has no such schema.
    #[error(
        "the schema {schema} of tenant {tenant} does not exist; create it with `Tenancy::create_schema`"
    )]
    MissingSchema {
        /// The tenant that was asked for.
        tenant: TenantId,
        /// Where its tables should be.
        schema: SchemaName,
    },

    /// A setting is missing or contradicts another one.
    #[error("configuration: {0}")]
    Configuration(String),

    /// The database refused or failed a statement.
    #[error(transparent)]
    Database(DbErr),
}

impl TenantError {
    /// The store could not answer, because of `source`. For implementors of
    /// [`TenantStore`](crate::TenantStore).
    pub fn store_unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::StoreUnavailable {
            source: Arc::from(source.into()),
        }
    }

    pub(crate) fn unknown(tenant: &TenantId) -> Self {
        Self::UnknownTenant {
            tenant: tenant.clone(),
        }
    }

    pub(crate) fn invalid_entry(tenant: &TenantId, reason: impl Into<String>) -> Self {
        Self::InvalidStoreEntry {
            tenant: tenant.clone(),
            reason: reason.into(),
        }
    }

    pub(crate) fn entry_refused(tenant: &TenantId, reason: impl Into<String>) -> Self {
        Self::EntryRefused {
            tenant: tenant.clone(),
            reason: reason.into(),
        }
    }

    /// Whether this is the failure of a statement that could not reach its database, so that it may
    /// be tried again later: no connection could be had, or it broke, or the server is shutting
    /// down or starting.
    #[must_use]
    pub fn is_connection_failure(&self) -> bool {
        match self {
            Self::DataSourceUnavailable { .. }
            | Self::DataSourcesExhausted { .. }
            | Self::ConnectionsBusy { .. } => true,
            Self::Database(error) => reach::is_connection_failure(error),
            _ => false,
        }
    }

    /// The error of a tenant that exists and is not active, if `status` is not.
    pub(crate) fn of_status(tenant: &TenantId, status: TenantStatus) -> Option<Self> {
        let tenant = tenant.clone();
        Some(match status {
            TenantStatus::Active => return None,
            TenantStatus::Pending | TenantStatus::Provisioning => Self::NotReady { tenant, status },
            TenantStatus::Suspended => Self::Suspended { tenant },
            TenantStatus::Maintenance => Self::InMaintenance { tenant },
            TenantStatus::Archived => Self::Archived { tenant },
        })
    }

    /// A driver's error on opening a database, without the URL that was opened: SeaORM repeats it in
    /// two of its messages.
    pub(crate) fn unavailable(backend: DbBackend, source: DbErr, opened: &str) -> Self {
        let text = source.to_string();
        let source = if text.contains(opened) {
            DbErr::Conn(RuntimeErr::Internal(text.replace(opened, "[REDACTED]")))
        } else {
            source
        };
        Self::DataSourceUnavailable {
            backend: product(backend),
            source,
        }
    }
}

/// So that a tenant error passes through functions with SeaORM's signature, and comes out of them
/// as it went in: [`TenantError::from`] finds it again.
impl From<TenantError> for DbErr {
    fn from(error: TenantError) -> Self {
        match error {
            TenantError::Database(error) => error,
            // The one variant of SeaORM's that carries an error of somebody else.
            other => Self::TryIntoErr {
                from: "statement",
                into: "tenant statement",
                source: Arc::new(other),
            },
        }
    }
}

/// A tenant error that went through SeaORM is that error again; any other is
/// [`TenantError::Database`].
impl From<DbErr> for TenantError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::TryIntoErr { source, .. } => match source.downcast_ref::<Self>() {
                Some(tenant_error) => tenant_error.clone(),
                None => Self::Database(error),
            },
            _ => Self::Database(error),
        }
    }
}

/// Which of the drivers' errors say that the database was not reached.
mod reach {
    use sea_orm::DbErr;

    pub(super) fn is_connection_failure(error: &DbErr) -> bool {
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            #[cfg(any(
                feature = "sqlx-postgres",
                feature = "sqlx-mysql",
                feature = "sqlx-sqlite"
            ))]
            DbErr::Exec(sea_orm::RuntimeErr::SqlxError(error))
            | DbErr::Query(sea_orm::RuntimeErr::SqlxError(error)) => is_driver_failure(error),
            _ => false,
        }
    }

    #[cfg(any(
        feature = "sqlx-postgres",
        feature = "sqlx-mysql",
        feature = "sqlx-sqlite"
    ))]
    fn is_driver_failure(error: &sea_orm::sqlx::Error) -> bool {
        use sea_orm::sqlx::Error;
        match error {
            Error::Io(_)
            | Error::Tls(_)
            | Error::PoolTimedOut
            | Error::PoolClosed
            | Error::WorkerCrashed => true,
            // The classes of SQLSTATE that both servers share, and PostgreSQL's own: connection
            // exception, insufficient resources, and shutting down or starting up.
            Error::Database(error) => error.code().is_some_and(|code| {
                code.starts_with("08")
                    || matches!(&*code, "53300" | "57P01" | "57P02" | "57P03" | "57P05")
            }),
            _ => false,
        }
    }
}

/// What a kind of database is called.
pub(crate) fn product(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "PostgreSQL",
        DbBackend::MySql => "MySQL",
        DbBackend::Sqlite => "SQLite",
        other => other.as_str(),
    }
}
