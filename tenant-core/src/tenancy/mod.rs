mod builder;

use std::{fmt, sync::Arc};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

pub use self::builder::TenancyBuilder;
use crate::{
    ConnectionInfo, DataSourceStatistics, DatabaseRoles, DatabaseUrl, Placement, SchemaName,
    SourceConnection, TenantConnection, TenantContext, TenantError, TenantId, TenantInfo,
    TenantLimits, TenantStore,
    qualify::quoted_placeholder,
    source::{
        DataSources, Home, Rights, connect_alone, connect_dedicated, create_database, create_file,
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
    limits: Option<LimitsOf>,
}

type LimitsOf = Box<dyn Fn(&TenantInfo) -> TenantLimits + Send + Sync>;

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
    /// [`DataSourcesExhausted`](TenantError::DataSourcesExhausted) about its database. And
    /// [`Configuration`](TenantError::Configuration) where [`database_roles`] cannot be kept: the tenant's
    /// role would have more than 63 bytes, or its URL says that a pooler gives each transaction another
    /// connection.
    ///
    /// [`database_roles`]: TenancyBuilder::database_roles
    pub async fn for_tenant(&self, id: &TenantId) -> Result<TenantConnection, TenantError> {
        // What is at hand needs no future.
        let info = match self.served_at_hand(id) {
            Some(served) => served?,
            None => self.served(id).await?,
        };
        let placed = match self.inner.store.connection_at_hand(id) {
            Some(placed) => placed,
            None => self.placed(id).await?,
        };
        self.connect(id, &placed, self.rights(&info)).await
    }

    /// A connection of a tenant that was looked up before. Its status is not looked at: for those who
    /// have done that, as [`served`](Self::served) does.
    ///
    /// # Errors
    ///
    /// As [`for_tenant`](Self::for_tenant), but for the tenant's status.
    pub async fn for_admitted(&self, tenant: &TenantInfo) -> Result<TenantConnection, TenantError> {
        let placed = match self.inner.store.connection_at_hand(&tenant.id) {
            Some(placed) => placed,
            None => self.placed(&tenant.id).await?,
        };
        self.connect(&tenant.id, &placed, self.rights(tenant)).await
    }

    fn rights(&self, tenant: &TenantInfo) -> Rights {
        let limits = self.inner.limits.as_ref();
        Rights {
            limits: limits.map_or_else(TenantLimits::default, |limits| limits(tenant)),
            is_owner: false,
        }
    }

    /// What the store knows about a tenant that is served.
    ///
    /// # Errors
    ///
    /// Those of [`for_tenant`](Self::for_tenant) about the tenant and the store.
    pub async fn served(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        let info = self.tenant(id).await?;
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
    /// them. The tenant's [limits](TenancyBuilder::limits) are not theirs, its
    /// [role](TenancyBuilder::database_roles) is.
    ///
    /// # Errors
    ///
    /// As [`for_tenant`](Self::for_tenant), but for the tenant's status.
    pub async fn for_tenant_in_any_status(
        &self,
        id: &TenantId,
    ) -> Result<TenantConnection, TenantError> {
        let placed = self.placed(id).await?;
        self.connect(id, &placed, Rights::default()).await
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
        // The store may have connections of its own to open: they belong to the home as well. Not by
        // the box's implementations, which would box each future once more.
        self.home().run((*self.inner.store).tenant(id)).await
    }

    /// Creates the tenant's schema where it is missing, empty: the schema on PostgreSQL, the
    /// database on MySQL, the file on SQLite. The tenant need not be active. Returns a connection
    /// of it, on which to make the tables: not under the tenant's
    /// [role](TenancyBuilder::database_roles).
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
        let owner = Rights {
            is_owner: true,
            ..Rights::default()
        };
        if backend == DbBackend::Sqlite {
            create_file(placed.url(), self.inner.sources.options()).await?;
            return self.connect(id, &placed, owner).await;
        }
        if backend == DbBackend::MySql && placed.placement() == Placement::Dedicated {
            // There is no database yet to connect to.
            create_database(&placed, self.inner.sources.options()).await?;
            return self.connect(id, &placed, owner).await;
        }
        let db = self.connect(id, &placed, owner).await?;
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

    /// What the tenants' database roles are called, where they have some.
    #[must_use]
    pub fn database_roles(&self) -> Option<&DatabaseRoles> {
        self.inner.sources.options().roles.as_ref()
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
        rights: Rights,
    ) -> Result<TenantConnection, TenantError> {
        let sources = &self.inner.sources;
        let source = sources.connect_tenant(id, placed, rights).await?;
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
