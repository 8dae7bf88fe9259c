use std::{fmt, sync::Arc, time::Duration};

use moka::sync::Cache;
use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};
use tenant_core::{
    ConnectionInfo, Tenancy, TenancyBuilder, TenantConnection, TenantError, TenantId, TenantInfo,
    TenantStatus, TenantStore,
};

use crate::{MigrationError, Migrations, error::conflict, names::quoted};

/// A store that serves a tenant only when its schema has the migrations that the application needs.
/// Until then it is [`TenantError::Migrating`], for which the middleware answers 503, and not a
/// column that is missing.
///
/// So an application can be deployed before its fleet is migrated through: who is done is served.
/// Each tenant's schema is asked for its version once, on a small pool of the gate's own, and again
/// after ten minutes; that of one that is behind, about once a second. Put a
/// [`CachedStore`](tenant_core::CachedStore) in front, as before any store.
///
/// ```no_run
/// # use tenant_migration::{Migrations, VersionGate};
/// # use tenant_core::{CachedStore, MemoryStore, Tenancy};
/// # fn example<TenantMigrator: sea_orm_migration::MigratorTrait>(store: MemoryStore)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let migrations = Migrations::of::<TenantMigrator>()?;
/// let gate = VersionGate::builder(store, migrations).minimum("m20260101_000001_due").build()?;
/// let tenancy = Tenancy::builder().store(CachedStore::new(gate)).build()?;
/// # Ok(()) }
/// ```
pub struct VersionGate<S> {
    store: Arc<S>,
    tenancy: Tenancy,
    needed: Arc<[Arc<str>]>,
    table: Arc<str>,
    /// The table that says, on MySQL, which migration was begun.
    begun: String,
    passed: Cache<TenantId, ()>,
    /// What tenants lacked that were refused a moment ago.
    refused: Cache<TenantId, Arc<str>>,
}

impl<S: TenantStore + 'static> VersionGate<S> {
    /// In front of `store`.
    pub fn builder(store: S, migrations: Migrations) -> VersionGateBuilder<S> {
        VersionGateBuilder {
            store: Arc::new(store),
            minimum: migrations.names().last().map(Arc::clone),
            migrations,
            configure: None,
        }
    }

    /// The first migration that a tenant lacks.
    async fn missing(&self, id: &TenantId) -> Result<Option<&Arc<str>>, TenantError> {
        let db = self.tenancy.for_tenant_in_any_status(id).await?;
        let applied = self.applied(&db).await?;
        let is_missing = |needed: &&Arc<str>| !applied.iter().any(|name| *name == ***needed);
        Ok(self.needed.iter().find(is_missing))
    }

    async fn applied(&self, db: &TenantConnection) -> Result<Vec<String>, TenantError> {
        let backend = db.get_database_backend();
        let table = quoted(&self.table, backend);
        let all = format!("SELECT version FROM $tenant.{table}");
        if backend == DbBackend::MySql {
            // What was begun to be taken back does not count.
            let begun = quoted(&self.begun, backend);
            let done = format!("{all} WHERE version NOT IN (SELECT version FROM $tenant.{begun})");
            if let Some(applied) = names(db, &done).await? {
                return Ok(applied);
            }
        }
        Ok(names(db, &all).await?.unwrap_or_default())
    }
}

/// The first column, unless there is no such table.
async fn names(db: &TenantConnection, select: &str) -> Result<Option<Vec<String>>, TenantError> {
    let select = Statement::from_string(db.get_database_backend(), select);
    match db.query_all_raw(select).await {
        Ok(rows) => {
            let names = rows.iter().map(|row| row.try_get_by_index(0));
            Ok(Some(names.collect::<Result<_, DbErr>>()?))
        }
        Err(error) if conflict::is_undefined_table(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl<S> fmt::Debug for VersionGate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionGate")
            .field("needed", &self.needed)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl<S: TenantStore + 'static> TenantStore for VersionGate<S> {
    fn tenant_at_hand(&self, id: &TenantId) -> Option<Arc<TenantInfo>> {
        let info = self.store.tenant_at_hand(id)?;
        let needs_no_look = info.status != TenantStatus::Active || self.passed.contains_key(id);
        needs_no_look.then_some(info)
    }

    /// Whatever the version is, as [`connection`](TenantStore::connection).
    fn connection_at_hand(&self, id: &TenantId) -> Option<Arc<ConnectionInfo>> {
        self.store.connection_at_hand(id)
    }

    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        let info = self.store.tenant(id).await?;
        if info.status != TenantStatus::Active || self.passed.contains_key(id) {
            return Ok(info);
        }
        let missing = match self.refused.get(id) {
            // All its requests would wait for the one connection.
            Some(missing) => missing,
            None => match self.missing(id).await? {
                None => {
                    self.passed.insert(id.clone(), ());
                    return Ok(info);
                }
                Some(missing) => {
                    self.refused.insert(id.clone(), Arc::clone(missing));
                    Arc::clone(missing)
                }
            },
        };
        Err(TenantError::Migrating {
            tenant: id.clone(),
            migration: missing,
        })
    }

    /// Whatever the version is: whoever migrates needs it, too.
    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.store.connection(id).await
    }
}

/// Settings of a [`VersionGate`].
#[must_use = "a builder does nothing until it is built"]
pub struct VersionGateBuilder<S> {
    store: Arc<S>,
    migrations: Migrations,
    minimum: Option<Arc<str>>,
    configure: Option<Configure>,
}

type Configure = Box<dyn FnOnce(TenancyBuilder) -> TenancyBuilder + Send>;

impl<S: TenantStore + 'static> VersionGateBuilder<S> {
    /// The last migration that the application needs. Default: the last one there is.
    pub fn minimum(mut self, migration: impl Into<Arc<str>>) -> Self {
        self.minimum = Some(migration.into());
        self
    }

    /// How the gate opens its connections. Default: one for each database, and a wait of 8 s. Where
    /// tenants have [roles](TenancyBuilder::database_roles), name them here, too.
    pub fn configure(
        mut self,
        configure: impl FnOnce(TenancyBuilder) -> TenancyBuilder + Send + 'static,
    ) -> Self {
        self.configure = Some(Box::new(configure));
        self
    }

    /// Checks the settings. Nothing is connected.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] when there is no migration of the minimum's name, and that of
    /// the tenancy's settings.
    pub fn build(self) -> Result<VersionGate<S>, MigrationError> {
        /// How many tenants are remembered to have passed, and how long.
        const REMEMBERED: u64 = 100_000;
        const FOR: Duration = Duration::from_secs(600);
        /// How long those are that were refused.
        const REFUSED_FOR: Duration = Duration::from_secs(1);

        let names = self.migrations.names();
        let needed = match &self.minimum {
            None => 0,
            Some(minimum) => {
                let place = names.iter().position(|name| name == minimum);
                1 + place.ok_or_else(|| {
                    MigrationError::Configuration(format!(
                        "there is no migration {minimum}, which is to be the minimum"
                    ))
                })?
            }
        };
        let tenancy = Tenancy::builder()
            .store(Arc::clone(&self.store))
            .max_connections(1);
        let tenancy = match self.configure {
            Some(configure) => configure(tenancy),
            None => tenancy,
        };
        Ok(VersionGate {
            store: self.store,
            tenancy: tenancy.build()?,
            needed: names.iter().take(needed).cloned().collect(),
            table: self.migrations.table().into(),
            begun: self.migrations.begun_table(),
            passed: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(FOR)
                .build(),
            refused: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(REFUSED_FOR)
                .build(),
        })
    }
}

impl<S> fmt::Debug for VersionGateBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionGateBuilder")
            .field("migrations", &self.migrations)
            .field("minimum", &self.minimum)
            .finish_non_exhaustive()
    }
}
