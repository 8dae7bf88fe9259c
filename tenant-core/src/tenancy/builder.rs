use std::{fmt, sync::Arc, time::Duration};

use sea_orm::{ConnectOptions, DbBackend};

use super::{Inner, LimitsOf, Tenancy};
use crate::{
    DatabaseRoles, DatabaseUrl, TenantError, TenantInfo, TenantLimits, TenantStore,
    source::{DataSources, Home, SourceOptions},
};

/// Settings of a [`Tenancy`]. Only the store has no default.
#[derive(Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct TenancyBuilder {
    store: Option<Box<dyn TenantStore>>,
    shared: Option<DatabaseUrl>,
    options: SourceOptions,
    home: Option<Home>,
    limits: Option<LimitsOf>,
}

impl TenancyBuilder {
    /// Where tenants are looked up. Required.
    pub fn store(mut self, store: impl TenantStore + 'static) -> Self {
        self.store = Some(Box::new(store));
        self
    }

    /// The database of the shared tables.
    ///
    /// On PostgreSQL and MySQL a tenant's connection reaches shared tables in the database that its
    /// own URL names: give this one to both. On SQLite this file is attached to every tenant's.
    pub fn shared_database(mut self, url: DatabaseUrl) -> Self {
        self.shared = Some(url);
        self
    }

    /// Whether a name without a schema reaches no table at all on tenants' connections. Default:
    /// `false`: it reaches the shared tables.
    ///
    /// An entity that somebody forgot to annotate then fails, instead of reading and writing a table
    /// that all tenants see, and so does raw SQL that names `$tenant` once and forgets it elsewhere.
    /// Shared tables are had through [`Tenancy::shared`], which has connections of its own then, or
    /// by entities that name their schema.
    ///
    /// - **PostgreSQL**: nothing is on the search path. That is a startup parameter, so a pooler has
    ///   to pass it on. Functions and types of extensions are named with their schema, too. A
    ///   temporary table that raw SQL left on a connection is found there all the same.
    /// - **MySQL**: connections have no default database.
    /// - **SQLite**: the file of the shared tables is not attached.
    pub fn strict(mut self, is_strict: bool) -> Self {
        self.options.is_strict = is_strict;
        self
    }

    /// The most data sources that may be open at once. Default: 64.
    pub fn max_data_sources(mut self, max: usize) -> Self {
        self.options.max_data_sources = max;
        self
    }

    /// The most connections of one data source. Default: 10.
    pub fn max_connections(mut self, max: u32) -> Self {
        self.options.max_connections = max;
        self
    }

    /// On how many of a data source's connections the statements of one tenant may run, at most all.
    /// Default: a quarter of `max_connections`, and at least 2.
    ///
    /// It is both a share and a cache's size. No tenant, however busy, keeps more connections than
    /// these from the others. And each of them has the tenant's statements prepared, and its server
    /// process the tenant's catalogue in memory: the more there are, the more memory is used, and the
    /// more often a statement has to be prepared anew.
    ///
    /// Holding a transaction while running a statement beside it takes two. A tenant in a dedicated
    /// database may use all connections to that.
    pub fn connections_per_tenant(mut self, connections: usize) -> Self {
        self.options.connections_per_tenant = Some(connections);
        self
    }

    /// What a tenant may use, by what the store says of it: of its plan, say. It is asked whenever a
    /// connection is, so it should know by heart. Default: no tenant has limits of its own.
    ///
    /// They hold on the connections of [`Tenancy::current`] and [`Tenancy::for_tenant`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tenant_core::{MemoryStore, Tenancy, TenantLimits};
    /// let tenancy = Tenancy::builder()
    ///     .store(MemoryStore::new())
    ///     .limits(|tenant| match tenant.plan.as_deref() {
    ///         Some("pro") => TenantLimits::default().connections(5),
    ///         _ => TenantLimits::default()
    ///             .connections(1)
    ///             .statement_timeout(Duration::from_secs(5)),
    ///     })
    ///     .build()?;
    /// # Ok::<(), tenant_core::TenantError>(())
    /// ```
    pub fn limits(
        mut self,
        limits: impl Fn(&TenantInfo) -> TenantLimits + Send + Sync + 'static,
    ) -> Self {
        self.options.has_limits = true;
        self.limits = Some(Box::new(limits));
        self
    }

    /// The second wall, on PostgreSQL: every statement of a tenant runs under a database role of its
    /// own, which has rights to its schema only. What the first one lets through by mistake, the
    /// server refuses: raw SQL that names another tenant's schema, a function that does, SQL injected
    /// into a statement. Default: none.
    ///
    /// `tenant-migration` gives tenants their roles when it makes them, and others by
    /// `Fleet::grant_roles`. A tenant that has none is not served:
    /// [`TenantError::RoleRefused`](crate::TenantError::RoleRefused).
    ///
    /// A role may read and write rows, and use sequences; changing the schema is for those who own it,
    /// on a connection as [`Tenancy::create_schema`] or [`Tenancy::dedicated_connection`] return it.
    /// What it may read of the shared tables is granted to
    /// [all tenants](DatabaseRoles::of_all_tenants), in shared migrations. Tenants in a
    /// [dedicated](crate::Placement::Dedicated) database have no role: their URL names a user of their
    /// own. On MySQL and SQLite this does nothing.
    ///
    /// It costs a round trip when a connection goes from one tenant to another, one after each
    /// statement of raw SQL, and one at the beginning of each transaction. Measured with a server on
    /// the same machine (`benchmarks throughput`), reading one row by its key: 0.57 of the requests a
    /// second that there are without roles, of 2,000 tenants who ask equally often.
    ///
    /// Connect directly, or through a pooler that gives a client a server connection for its whole
    /// session. Behind one that gives each transaction another, roles would reach others; it cannot be
    /// noticed, but where the URL says so, with `statement-cache-capacity=0`, tenants are refused.
    ///
    /// It is a wall against mistakes and against injections, not against somebody who writes whole
    /// scripts: `SET ROLE` in one takes it down until the script ends. SECURITY.md tells what holds, what
    /// does not, and which rights to take away from everybody.
    pub fn database_roles(mut self, roles: DatabaseRoles) -> Self {
        self.options.roles = Some(roles);
        self
    }

    /// How many statements and transactions of one tenant may wait for a connection to a data source
    /// at a time; the next one fails at once. 0: nobody waits. Default: 256.
    pub fn max_waiting_per_tenant(mut self, waiting: usize) -> Self {
        self.options.max_waiting_per_tenant = waiting;
        self
    }

    /// How many prepared statements the connections of a data source keep, all together, and at least
    /// one each. Default: 8,192.
    ///
    /// Each tenant has statements of its own. One takes some 12 KB of the server's memory on
    /// PostgreSQL; MySQL's `max_prepared_stmt_count` bounds those of all its clients, to 16,382 unless
    /// it was changed, so two programs may keep as many each. `statement-cache-capacity` in a
    /// database's URL says instead how many each connection keeps: 0 behind a pooler that gives each
    /// transaction another server connection.
    pub fn prepared_statements(mut self, statements: usize) -> Self {
        self.options.prepared_statements = statements;
        self
    }

    /// How many tenants one connection serves, about, before it is replaced. Default: 1,000.
    ///
    /// A server process remembers the catalogue of each table that it touched until it ends: on
    /// PostgreSQL some 13 KB for a small one.
    pub fn tenants_per_connection(mut self, tenants: usize) -> Self {
        self.options.tenants_per_connection = tenants;
        self
    }

    /// The longest wait for a connection that others have, for a new one to open, and for a place for one
    /// more data source: more than zero, at most a day. Default: 8 s.
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.options.acquire_timeout = timeout;
        self
    }

    /// How long a connection is used before it is replaced, if it is used then. Default: 30 minutes.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.options.max_lifetime = lifetime;
        self
    }

    /// How long an unused connection stays open, and up to half as long again. Default: 10 minutes.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.idle_timeout = timeout;
        self
    }

    /// SQLite: how long a writer waits for another one. Default: 5 s.
    pub fn sqlite_busy_timeout(mut self, timeout: Duration) -> Self {
        self.options.sqlite_busy_timeout = timeout;
        self
    }

    /// Any other of SeaORM's options, applied to each connection as it is opened. What is said of
    /// numbers of connections and of their lifetimes is overridden: see the methods above.
    ///
    /// Hooks of a pool, such as `map_sqlx_postgres_before_acquire`, are called for each transaction and
    /// stream, but not for each statement: those run on connections that are held.
    ///
    /// The drivers' own hooks (`map_sqlx_postgres_opts`, `map_sqlx_mysql_opts`,
    /// `map_sqlx_sqlite_opts`, `map_sqlx_sqlite_pool_opts`) are what a data source is opened with
    /// itself: set here, they are overridden. Drivers read most of their options from the URL.
    pub fn configure(
        mut self,
        configure: impl Fn(&mut ConnectOptions) + Send + Sync + 'static,
    ) -> Self {
        self.options.configure = Some(Arc::new(configure));
        self
    }

    /// The Tokio runtime that connections live in, whoever uses them. Default: the one in which
    /// [`build`](Self::build) is called, if it is a multi-threaded one; else each connection belongs
    /// to whoever happens to open it.
    ///
    /// A server with a runtime for each worker, as actix-web has, should have its connections
    /// elsewhere: one that a worker opened is of no use to the others while that worker is busy, nor
    /// when it has ended. `#[tokio::main]` around the server does that; with `#[actix_web::main]`,
    /// name a runtime here. It must be driven as long as the tenancy is used.
    pub fn runtime(mut self, runtime: tokio::runtime::Handle) -> Self {
        self.home = Some(Home::of(runtime));
        self
    }

    /// Checks the settings. Nothing is connected before it is needed.
    ///
    /// Called in a multi-threaded runtime, it makes that the home of all connections, unless
    /// [`runtime`](Self::runtime) names another: they are of no use when that runtime has ended, and
    /// drivers may panic then.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`] names the setting that is missing or out of bounds.
    pub fn build(mut self) -> Result<Tenancy, TenantError> {
        let configuration = |what: &str| TenantError::Configuration(what.to_owned());
        let store = self
            .store
            .ok_or_else(|| configuration("a tenancy needs a store; set `store(..)`"))?;
        if self.options.max_data_sources == 0
            || self.options.max_data_sources > tokio::sync::Semaphore::MAX_PERMITS
        {
            return Err(configuration(&format!(
                "`max_data_sources` must be 1 to {}",
                tokio::sync::Semaphore::MAX_PERMITS
            )));
        }
        if self.options.max_connections == 0 {
            return Err(configuration("`max_connections` must be at least 1"));
        }
        if self.options.connections_per_tenant == Some(0) {
            return Err(configuration("`connections_per_tenant` must be at least 1"));
        }
        if self.options.tenants_per_connection == 0 {
            return Err(configuration("`tenants_per_connection` must be at least 1"));
        }
        if self.options.acquire_timeout.is_zero() || self.options.acquire_timeout > LONGEST_WAIT {
            return Err(configuration(
                "`acquire_timeout` must be more than zero, and at most a day",
            ));
        }
        if let Some(file) = self.shared.as_ref().and_then(DatabaseUrl::file)
            && file.is_dir()
        {
            return Err(configuration(&format!(
                "the shared database is the directory {}; on SQLite it is a file, beside the \
                 directory of the tenants' files. Without shared tables, leave `shared_database(..)` out",
                file.display()
            )));
        }
        self.options.home = self.home.unwrap_or_else(Home::current);
        self.options.attach = self
            .shared
            .clone()
            .filter(|shared| shared.backend() == DbBackend::Sqlite);
        Ok(Tenancy {
            inner: Arc::new(Inner {
                store,
                sources: DataSources::new(self.options),
                shared: self.shared,
                limits: self.limits,
            }),
        })
    }
}

/// Drivers add it to the present, which must not overflow.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl fmt::Debug for TenancyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenancyBuilder")
            .field("store", &self.store.is_some())
            .field("shared", &self.shared)
            .field("options", &self.options)
            .field("limits", &self.limits.is_some())
            .finish_non_exhaustive()
    }
}
