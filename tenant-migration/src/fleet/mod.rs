//! All tenants together.

mod drift;
mod each;
mod one;
mod plan;
mod rollout;
mod run;
mod selection;
mod workers;

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::future::BoxFuture;
use tenant_core::{DatabaseRoles, Tenancy, TenantDirectory};

pub use self::{
    drift::{Reference, TenantDrift},
    plan::{Plan, PlannedMigration},
    rollout::{Rollout, Share},
    run::{Run, Stop},
    selection::{Patterns, Selection},
};
pub(crate) use self::{each::report_on, one::panicked, selection::has_schema};
use crate::{MigrationError, Migrations};

/// All tenants of a directory, and the migrations that their schemas have.
///
/// With a directory that is a [`TenantRegistry`](tenant_core::TenantRegistry), too, tenants are made,
/// moved and removed through it.
///
/// Cheap to clone; clones share everything.
pub struct Fleet<R> {
    inner: Arc<Inner<R>>,
}

pub(crate) struct Inner<R> {
    pub(crate) registry: Arc<R>,
    pub(crate) tenancy: Tenancy,
    pub(crate) migrations: Migrations,
    pub(crate) settings: Settings,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    pub(crate) lock_timeout: Duration,
    pub(crate) tenant_timeout: Duration,
    pub(crate) attempts: usize,
    pub(crate) development: bool,
    pub(crate) citus: bool,
    pub(crate) roles: Option<DatabaseRoles>,
    pub(crate) role_members: Vec<String>,
}

impl Settings {
    /// How long to wait between one attempt and the next.
    pub(crate) fn waits(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        waits(self.attempts)
    }

    /// Tries again while others are in the way.
    pub(crate) async fn patiently<'w, T>(
        &self,
        mut work: impl FnMut() -> BoxFuture<'w, Result<T, MigrationError>>,
    ) -> Result<T, MigrationError> {
        let mut waits = self.waits();
        loop {
            let error = match work().await {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            match waits.next() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
        }
    }
}

/// How long to wait between so many attempts, while others are in the way.
pub(crate) fn waits(attempts: usize) -> impl Iterator<Item = Duration> + Send + use<> {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .with_max_times(attempts.saturating_sub(1))
        .build()
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// The tenants of `registry`, with these migrations.
    pub fn builder(registry: R, migrations: Migrations) -> FleetBuilder<R> {
        FleetBuilder {
            registry: Arc::new(registry),
            migrations,
            tenancy: None,
            connections: None,
            settings: Settings {
                workers: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
                lock_timeout: Duration::from_secs(2),
                tenant_timeout: Duration::from_secs(3600),
                attempts: 5,
                development: false,
                citus: false,
                roles: None,
                role_members: Vec::new(),
            },
        }
    }

    /// Where tenants are looked up.
    #[must_use]
    pub fn registry(&self) -> &R {
        &self.inner.registry
    }

    /// The migrations of tenants' schemas.
    #[must_use]
    pub fn migrations(&self) -> &Migrations {
        &self.inner.migrations
    }

    pub(crate) fn tenancy(&self) -> &Tenancy {
        &self.inner.tenancy
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.inner.settings
    }
}

impl<R> Clone for Fleet<R> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<R> fmt::Debug for Fleet<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("migrations", &self.inner.migrations)
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Fleet`]. All have defaults.
#[must_use = "a builder does nothing until it is built"]
pub struct FleetBuilder<R> {
    registry: Arc<R>,
    migrations: Migrations,
    tenancy: Option<Tenancy>,
    connections: Option<usize>,
    settings: Settings,
}

impl<R: TenantDirectory + 'static> FleetBuilder<R> {
    /// How connections are opened: the settings of a tenancy apply to those of the fleet, too. Its
    /// store is not asked: a cache there might be behind. Default: a tenancy without any settings.
    pub fn tenancy(mut self, tenancy: Tenancy) -> Self {
        self.tenancy = Some(tenancy);
        self
    }

    /// How many tenants are worked on at once, at least 1. Default: the number of processors.
    pub fn workers(mut self, workers: usize) -> Self {
        self.settings.workers = workers;
        self
    }

    /// About how many connections may be open at once: there are no more workers than half of it, since
    /// one has up to two while it migrates. Default: no bound but the workers.
    ///
    /// Some work takes more of each worker for a while, and this does not bound it: up to three where
    /// drift is looked for, and up to five where `up` finds out, on MySQL, whether a migration that was
    /// cut off is complete, and for each tenant that is made, copied or begun anew.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.connections = Some(connections);
        self
    }

    /// How long a statement of a migration waits for a lock, and one worker for another program that
    /// is at work on the same schema. Default: 2 s. A statement that waits makes all wait that come
    /// after it, so this is how long a tenant may be blocked; it is tried again instead.
    ///
    /// On MySQL whole seconds count: a lock of the server's is waited for in seconds rounded down, and
    /// below one second not at all; a statement waits at least one second.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.settings.lock_timeout = timeout;
        self
    }

    /// The longest that one tenant may take in [`up`](Fleet::up) and [`down`](Fleet::down), with all its
    /// attempts. Making a tenant in one transaction, copying, archiving, renaming and dropping are not
    /// bounded by it. Default: an hour.
    pub fn tenant_timeout(mut self, timeout: Duration) -> Self {
        self.settings.tenant_timeout = timeout;
        self
    }

    /// How often a tenant is tried, at least once, while others are in the way: locks that could not
    /// be had, deadlocks, serialisation failures. Default: 5.
    pub fn max_attempts(mut self, attempts: usize) -> Self {
        self.settings.attempts = attempts;
        self
    }

    /// Allows [`fresh`](Fleet::fresh), which drops everything. Default: not allowed.
    pub fn development(mut self, development: bool) -> Self {
        self.settings.development = development;
        self
    }

    /// Makes tenants as Citus's schema-based sharding needs it: a schema is committed before its
    /// tables, and removed again when they fail. Default: not so; a database that has the extension
    /// is noticed, too.
    pub fn citus(mut self, citus: bool) -> Self {
        self.settings.citus = citus;
        self
    }

    /// PostgreSQL: gives each tenant a database role of its own, which may read and write the rows of its
    /// schema, when the tenant is made, copied or renamed, and when it is migrated; takes it away when
    /// the tenant is archived or dropped. See [`TenancyBuilder::database_roles`](tenant_core::TenancyBuilder::database_roles).
    /// Default: what the tenancy says.
    ///
    /// The login of the fleet needs `CREATEROLE`, and to own what is in the schemas. Functions in a
    /// tenant's schema are for its role only: the right of everybody to call them is taken away.
    pub fn database_roles(mut self, roles: DatabaseRoles) -> Self {
        self.settings.roles = Some(roles);
        self
    }

    /// PostgreSQL: logins that may take the tenants' roles, as the application's, beside the one that
    /// makes them. Default: none. From another login that could take a role, and makes none itself, it
    /// is taken away.
    ///
    /// Let an application log in as somebody who has no rights of its own (`CREATE ROLE app LOGIN
    /// NOINHERIT`): what does not run under a tenant's role is refused then, too. Before PostgreSQL 16,
    /// one that inherits has the rights of all tenants at any time.
    pub fn role_members<M: Into<String>>(mut self, members: impl IntoIterator<Item = M>) -> Self {
        self.settings.role_members = members.into_iter().map(Into::into).collect();
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] names the setting that makes no sense.
    pub fn build(self) -> Result<Fleet<R>, MigrationError> {
        let mut settings = self.settings;
        let refused = |what: &str| Err(MigrationError::Configuration(what.to_owned()));
        if settings.workers == 0 || settings.attempts == 0 {
            return refused("`workers` and `max_attempts` must be at least 1");
        }
        if settings.lock_timeout.is_zero() || settings.tenant_timeout.is_zero() {
            return refused("`lock_timeout` and `tenant_timeout` must be longer than nothing");
        }
        if let Some(connections) = self.connections {
            /// As many as a worker may have.
            const OF_A_WORKER: usize = 2;
            if connections < OF_A_WORKER {
                return refused("`max_connections` must be at least 2, which one worker may need");
            }
            settings.workers = settings.workers.min(connections / OF_A_WORKER);
        }
        let tenancy = match self.tenancy {
            Some(tenancy) => tenancy,
            None => Tenancy::builder()
                .store(Arc::clone(&self.registry))
                .build()?,
        };
        settings.roles = match (settings.roles, tenancy.database_roles()) {
            (Some(roles), Some(of_tenancy)) if roles != *of_tenancy => {
                return refused("the fleet and its tenancy have other `database_roles`");
            }
            (roles, of_tenancy) => roles.or_else(|| of_tenancy.cloned()),
        };
        if settings.roles.is_none() && !settings.role_members.is_empty() {
            return refused("`role_members` needs `database_roles`");
        }
        Ok(Fleet {
            inner: Arc::new(Inner {
                registry: self.registry,
                tenancy,
                migrations: self.migrations,
                settings,
            }),
        })
    }
}

impl<R> fmt::Debug for FleetBuilder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetBuilder")
            .field("migrations", &self.migrations)
            .field("connections", &self.connections)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
