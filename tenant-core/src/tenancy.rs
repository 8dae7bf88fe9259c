use std::{fmt, sync::Arc, time::Duration};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

use crate::{
    ConnectionInfo, DataSourceStatistics, DatabaseUrl, Placement, SchemaName, SourceConnection,
    TenantConnection, TenantContext, TenantError, TenantId, TenantInfo, TenantStore,
    qualify::quoted_placeholder,
    source::{
        DataSources, Home, SourceOptions, connect_alone, connect_dedicated, create_database,
        create_file,
    },
};

/// What an application holds: the store that knows the tenants, and the databases they are in.
///
/// Cheap to clone; clones share everything.
///
/// ```no_run
/// # use tenant_core::{DatabaseUrl, MemoryStore, Tenancy, TenantContext, TenantId};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let database = DatabaseUrl::new("postgres://app@localhost/app")?;
/// let store = MemoryStore::new();
/// store.add(TenantId::from_static("acme"), &database)?;
/// let tenancy = Tenancy::builder().store(store).shared_database(database).build()?;
///
/// let books = TenantContext::scope(TenantId::from_static("acme"), async {
///     let db = tenancy.current().await?;
///     // book::Entity::find().all(&db).await
///     # Ok::<_, tenant_core::TenantError>(db)
/// }).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Tenancy {
    inner: Arc<Inner>,
}

struct Inner {
    store: Box<dyn TenantStore>,
    sources: DataSources,
    shared: Option<DatabaseUrl>,
}

impl Tenancy {
    /// Starts building one.
    pub fn builder() -> TenancyBuilder {
        TenancyBuilder::default()
    }

    /// A connection of the current tenant. It stays that tenant's, whatever becomes current later.
    ///
    /// # Errors
    ///
    /// [`TenantError::NoTenant`] outside of every scope, and those of
    /// [`for_tenant`](Self::for_tenant).
    pub async fn current(&self) -> Result<TenantConnection, TenantError> {
        self.for_tenant(&TenantContext::current()?).await
    }

    /// A connection of a tenant that is served.
    ///
    /// # Errors
    ///
    /// One of [`UnknownTenant`](TenantError::UnknownTenant), [`Suspended`](TenantError::Suspended),
    /// [`InMaintenance`](TenantError::InMaintenance), [`NotReady`](TenantError::NotReady) and
    /// [`Archived`](TenantError::Archived) about the tenant; of
    /// [`StoreUnavailable`](TenantError::StoreUnavailable) and
    /// [`InvalidStoreEntry`](TenantError::InvalidStoreEntry) about the store; of
    /// [`DataSourceUnavailable`](TenantError::DataSourceUnavailable) and
    /// [`DataSourcesExhausted`](TenantError::DataSourcesExhausted) about its database.
    pub async fn for_tenant(&self, id: &TenantId) -> Result<TenantConnection, TenantError> {
        // What is at hand needs no future.
        match self.served_at_hand(id) {
            Some(served) => served?,
            None => self.served(id).await?,
        };
        self.for_tenant_in_any_status(id).await
    }

    /// What the store knows about a tenant that is served.
    ///
    /// # Errors
    ///
    /// Those of [`for_tenant`](Self::for_tenant) about the tenant and the store.
    pub async fn served(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        let info = self.look_up(id).await?;
        Self::check_served(id, info)
    }

    fn check_served(id: &TenantId, info: Arc<TenantInfo>) -> Result<Arc<TenantInfo>, TenantError> {
        if info.id != *id {
            return Err(TenantError::InvalidStoreEntry {
                tenant: id.clone(),
                reason: format!("the store answered with tenant {}", info.id),
            });
        }
        match TenantError::of_status(id, info.status) {
            Some(not_served) => Err(not_served),
            None => Ok(info),
        }
    }

    /// A connection of a tenant, served or not: for those who set tenants up, repair or export
    /// them.
    ///
    /// # Errors
    ///
    /// As [`for_tenant`](Self::for_tenant), but for the tenant's status.
    pub async fn for_tenant_in_any_status(
        &self,
        id: &TenantId,
    ) -> Result<TenantConnection, TenantError> {
        let placed = self.placed(id).await?;
        self.connect(id, &placed).await
    }

    /// A connection to the shared database, bound to no tenant: for the shared tables. A
    /// tenant-scoped entity fails on it.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`] when no shared database was named, else those about data
    /// sources.
    pub async fn shared(&self) -> Result<SourceConnection, TenantError> {
        match &self.inner.shared {
            Some(url) => self.inner.sources.connect_shared(url).await,
            None => Err(TenantError::Configuration(
                "there is no shared database; name one with `Tenancy::builder().shared_database(..)`"
                    .to_owned(),
            )),
        }
    }

    /// What [`served`](Self::served) says, where nobody has to be asked: the store has the tenant
    /// [at hand](TenantStore::tenant_at_hand). `None` says nothing about the tenant.
    #[must_use]
    pub fn served_at_hand(&self, id: &TenantId) -> Option<Result<Arc<TenantInfo>, TenantError>> {
        let info = self.inner.store.tenant_at_hand(id)?;
        Some(Self::check_served(id, info))
    }

    /// What the store knows about a tenant, served or not.
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`], and those of [`for_tenant`](Self::for_tenant) about the store.
    pub async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.look_up(id).await
    }

    /// Creates the tenant's schema where it is missing, empty: the schema on PostgreSQL, the
    /// database on MySQL, the file on SQLite. The tenant need not be active. Returns a connection
    /// of it, on which to make the tables.
    ///
    /// Nothing else ever creates one: a missing schema, or a file on a disk that is not mounted, is
    /// an error and not an empty tenant.
    ///
    /// # Errors
    ///
    /// As [`for_tenant_in_any_status`](Self::for_tenant_in_any_status), and the database's refusal.
    pub async fn create_schema(&self, id: &TenantId) -> Result<TenantConnection, TenantError> {
        let placed = self.placed(id).await?;
        let backend = placed.url().backend();
        if backend == DbBackend::Sqlite {
            create_file(placed.url(), self.inner.sources.options()).await?;
            return self.connect(id, &placed).await;
        }
        if backend == DbBackend::MySql && placed.placement() == Placement::Dedicated {
            // There is no database yet to connect to.
            create_database(&placed, self.inner.sources.options()).await?;
            return self.connect(id, &placed).await;
        }
        let db = self.connect(id, &placed).await?;
        let kind = match backend {
            DbBackend::MySql => "DATABASE",
            _ => "SCHEMA",
        };
        let schema = quoted_placeholder(backend);
        db.execute_unprepared(&format!("CREATE {kind} IF NOT EXISTS {schema}"))
            .await?;
        Ok(db)
    }

    /// One connection of its own whose search path (PostgreSQL), default database (MySQL) or file
    /// (SQLite) is the tenant's, for what takes SeaORM's concrete types or cannot be qualified:
    /// migrations, `SchemaManager`, third-party code. The tenant need not be active.
    ///
    /// Only the tenant's schema can be reached by an unqualified name: on PostgreSQL nothing else is
    /// on the path, which is a startup parameter, so connect past poolers that do not pass it on;
    /// on SQLite the shared tables are not attached.
    ///
    /// It is plain SeaORM: nothing is qualified or refused on it. Close it when done; it counts
    /// against no pool.
    ///
    /// # Errors
    ///
    /// As [`for_tenant_in_any_status`](Self::for_tenant_in_any_status), and
    /// [`TenantError::MissingSchema`].
    pub async fn dedicated_connection(
        &self,
        id: &TenantId,
    ) -> Result<DatabaseConnection, TenantError> {
        let placed = self.placed(id).await?;
        let (url, schema) = (placed.url(), placed.schema());
        let db = self.dedicated_connection_to(&placed).await?;
        // MySQL and SQLite do not connect to a database or a file that is missing.
        if url.backend() == DbBackend::Postgres && !schema_exists(&db, schema).await? {
            db.close().await?;
            return Err(TenantError::MissingSchema {
                tenant: id.clone(),
                schema: schema.clone(),
            });
        }
        Ok(db)
    }

    /// A connection as [`dedicated_connection`](Self::dedicated_connection) returns it, to a place
    /// that the caller knows: of a tenant that is being made, or moved. Whether the schema is there
    /// is not looked at.
    ///
    /// # Errors
    ///
    /// [`TenantError::DataSourceUnavailable`].
    pub async fn dedicated_connection_to(
        &self,
        place: &ConnectionInfo,
    ) -> Result<DatabaseConnection, TenantError> {
        let options = self.inner.sources.options();
        connect_dedicated(place.url(), place.schema(), options).await
    }

    /// One connection of its own to a database that tenants are in, bound to none of them: for work
    /// on many of them. Close it when done; it counts against no pool.
    ///
    /// On PostgreSQL nothing is on its search path, so that an unqualified name reaches nothing until
    /// a transaction sets one. On MySQL the default database is the one that the URL names, if any.
    ///
    /// # Errors
    ///
    /// [`TenantError::DataSourceUnavailable`].
    pub async fn connection_to(
        &self,
        url: &DatabaseUrl,
    ) -> Result<DatabaseConnection, TenantError> {
        connect_alone(url, self.inner.sources.options()).await
    }

    /// How many data sources are open now, those that are closing included.
    #[must_use]
    pub fn open_data_sources(&self) -> usize {
        self.inner.sources.open_count()
    }

    /// How the open data sources are used, in no particular order.
    #[must_use]
    pub fn data_sources(&self) -> Vec<DataSourceStatistics> {
        self.inner.sources.statistics()
    }

    /// Closes all data sources, for a graceful end. Waits for statements and transactions that
    /// are under way; connections that are still held fail afterwards.
    pub async fn close(&self) {
        self.inner.sources.close().await;
    }

    // The store may have connections of its own to open: they belong to the home as well. Not by the
    // box's implementations, which would box each future once more.

    async fn look_up(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.home().run((*self.inner.store).tenant(id)).await
    }

    async fn placed(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.home().run((*self.inner.store).connection(id)).await
    }

    fn home(&self) -> &Home {
        &self.inner.sources.options().home
    }

    async fn connect(
        &self,
        id: &TenantId,
        placed: &ConnectionInfo,
    ) -> Result<TenantConnection, TenantError> {
        let source = self.inner.sources.connect_tenant(id, placed).await?;
        Ok(TenantConnection::new(
            source,
            id.clone(),
            placed.schema().clone(),
        ))
    }
}

/// PostgreSQL: a search path may name what is not there.
async fn schema_exists(db: &DatabaseConnection, schema: &SchemaName) -> Result<bool, DbErr> {
    let select = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1",
        [schema.as_str().into()],
    );
    Ok(db.query_one_raw(select).await?.is_some())
}

impl fmt::Debug for Tenancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenancy")
            .field("sources", &self.inner.sources.options())
            .field("shared", &self.inner.shared)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Tenancy`]. Only the store has no default.
#[derive(Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct TenancyBuilder {
    store: Option<Box<dyn TenantStore>>,
    shared: Option<DatabaseUrl>,
    options: SourceOptions,
    home: Option<Home>,
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

    /// How many statements and transactions of one tenant may wait for a connection to a data source
    /// at a time; the next one fails at once. Default: 256.
    pub fn max_waiting_per_tenant(mut self, waiting: usize) -> Self {
        self.options.max_waiting_per_tenant = waiting;
        self
    }

    /// How many prepared statements the connections of a data source keep, all together. Default:
    /// 8,192.
    ///
    /// Each tenant has statements of its own. One takes some 12 KB of the server's memory on
    /// PostgreSQL; MySQL's `max_prepared_stmt_count` bounds those of all its clients, to 16,382 unless
    /// it was changed, so two programs may keep as many each. `statement-cache-capacity` in a database's URL says instead how many each
    /// connection keeps: 0 behind a pooler that gives each transaction another server connection.
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

    /// The longest wait for a connection, and for a place for one more data source. Default: 8 s.
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
            return Err(configuration(
                "`max_data_sources` must be at least 1, and countable",
            ));
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
            }),
        })
    }
}

impl fmt::Debug for TenancyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenancyBuilder")
            .field("store", &self.store.is_some())
            .field("shared", &self.shared)
            .field("options", &self.options)
            .finish()
    }
}
