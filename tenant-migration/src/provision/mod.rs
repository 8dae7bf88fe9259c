//! Making a tenant: its entry, its schema, its tables, its first rows.

mod copy;
mod fresh;
mod mysql;
mod postgres;
mod sqlite;

use std::{fmt, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use sea_orm::{DatabaseTransaction, DbBackend};
use tenant_core::{
    Borrowed, ConnectionInfo, PlacedTenant, TenantConnection, TenantContext, TenantDirectory,
    TenantError, TenantId, TenantInfo, TenantRegistry, TenantStatus,
};

pub use self::copy::Take;
use crate::{
    Fleet, MigrationError, error::in_words, fleet::panicked, ledger::Direction, session::Job,
};

/// What a seed writes with: the transaction that it is part of, bound to the tenant.
pub type SeedConnection<'c> = TenantConnection<Borrowed<'c, DatabaseTransaction>>;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Seed = Arc<
    dyn for<'c> Fn(&'c SeedConnection<'c>) -> BoxFuture<'c, Result<(), BoxError>> + Send + Sync,
>;
type Hook = Arc<dyn Fn(ProvisionEvent) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// A tenant to be made, and what to do on the way.
#[derive(Clone)]
#[must_use = "it is only a description"]
pub struct Provision {
    info: TenantInfo,
    place: ConnectionInfo,
    seed: Option<Seed>,
    hook: Option<Hook>,
    /// Where another tenant's rows are to be copied from.
    source: Option<Arc<ConnectionInfo>>,
}

/// What a hook is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProvisionEvent {
    /// Whose tenant.
    pub tenant: TenantId,
    /// The step.
    pub step: ProvisionStep,
    /// Whether it comes, or was done.
    pub is_done: bool,
}

/// A step of making a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProvisionStep {
    /// Its entry in the registry.
    Register,
    /// Its schema.
    CreateSchema,
    /// Its tables, and its database role, if it has one.
    Migrate,
    /// Its first rows.
    Seed,
    /// From here on it is served.
    Activate,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provisioned {
    /// The tenant was made.
    Made,
    /// It was there already. Nothing was changed.
    AlreadyThere,
}

impl Provision {
    /// A tenant, and where its tables are to be. Its status is not taken from here.
    pub fn new(info: TenantInfo, place: ConnectionInfo) -> Self {
        Self {
            info,
            place,
            seed: None,
            hook: None,
            source: None,
        }
    }

    /// Writes the tenant's first rows, after all migrations and before it is served.
    ///
    /// ```
    /// # fn example(provision: tenant_migration::Provision) -> tenant_migration::Provision {
    /// provision.seed(|db| {
    ///     Box::pin(async move {
    ///         // genre::Entity::insert_many([..]).exec(db).await?;
    ///         # let _ = db;
    ///         Ok(())
    ///     })
    /// })
    /// # }
    /// ```
    pub fn seed(
        mut self,
        seed: impl for<'c> Fn(&'c SeedConnection<'c>) -> BoxFuture<'c, Result<(), BoxError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.seed = Some(Arc::new(seed));
        self
    }

    /// Called before and after each step. If it returns an error, provisioning fails. A step that is
    /// reported as done may still be rolled back; when others were in the way and provisioning is
    /// retried, the hook is called again and the seed runs again. An error after
    /// [`Activate`](ProvisionStep::Activate) is returned although the tenant is already served.
    pub fn hook(
        mut self,
        hook: impl Fn(ProvisionEvent) -> BoxFuture<'static, Result<(), BoxError>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }
}

impl fmt::Debug for Provision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provision")
            .field("info", &self.info)
            .field("place", &self.place)
            .field("seed", &self.seed.is_some())
            .field("hook", &self.hook.is_some())
            .finish()
    }
}

/// What there is where a tenant's schema is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Nothing, or an empty schema.
    None,
    /// What was begun for a tenant, and is not complete.
    Unfinished,
    /// A schema with a table of migrations.
    Complete,
    /// Something else.
    Foreign,
}

/// A tenant that is being made.
struct Making<'p> {
    id: TenantId,
    place: Arc<ConnectionInfo>,
    provision: &'p Provision,
    /// Whether its entry was made just now.
    is_new: bool,
    /// Whether its schema was.
    is_made: bool,
}

impl<R: TenantRegistry + 'static> Fleet<R> {
    /// Makes a tenant: its entry, its schema, its tables, its first rows, in this order, and then
    /// activates it. Doing so again says that it is there already; after a failure, or when it was
    /// killed, doing so again makes what is missing.
    ///
    /// On PostgreSQL schema, tables and rows are one transaction, unless a migration wants none. On
    /// SQLite they are made in a file beside, which is renamed when it is complete. On MySQL a
    /// database that was not completed is removed again, now or when this is done again.
    ///
    /// When this fails, an entry that it made is removed as well, unless the tenant was made and only
    /// not activated.
    ///
    /// # Errors
    ///
    /// [`MigrationError::SchemaOccupied`] when there is something else already;
    /// [`MigrationError::WrongStatus`] for a tenant that is suspended, in maintenance or archived;
    /// [`MigrationError::Migration`], [`MigrationError::Step`] when a migration, the seed or the hook
    /// failed; and what is wrong with the registry or the database.
    pub async fn provision(&self, provision: &Provision) -> Result<Provisioned, MigrationError> {
        let mut making = Making {
            id: provision.info.id.clone(),
            place: Arc::new(provision.place.clone()),
            provision,
            is_new: false,
            is_made: false,
        };
        // That it can be called as it is to be called.
        self.rights_at(&making.place)?;
        while self.enter(&mut making).await? {
            self.make_or_take_back(&making).await?;
            making.is_made = true;
            making.tell(ProvisionStep::Activate, false).await?;
            let active = TenantStatus::Active;
            match self.registry().change_status(&making.id, active).await {
                Ok(()) => {
                    making.tell(ProvisionStep::Activate, true).await?;
                    return Ok(Provisioned::Made);
                }
                // Somebody else had entered it, failed, and took the entry back.
                Err(TenantError::UnknownTenant { .. }) if !making.is_new => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Provisioned::AlreadyThere)
    }

    async fn make_or_take_back(&self, making: &Making<'_>) -> Result<(), MigrationError> {
        let made = self.settings().patiently(|| Box::pin(self.make(making)));
        let made = made.await;
        if made.is_err() && making.is_new {
            self.take_back(&making.id).await;
        }
        made
    }

    /// Sees to it that there is an entry of a tenant that is being made. `false` when it is made.
    async fn enter(&self, making: &mut Making<'_>) -> Result<bool, MigrationError> {
        match self.registry().placed(&making.id).await {
            Ok(entry) => return self.take_up(making, entry).await,
            Err(TenantError::UnknownTenant { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // What is there before the entry is was not made for it.
        if !making.is_made && self.is_occupied(making).await? {
            return Err(making.occupied());
        }
        making.tell(ProvisionStep::Register, false).await?;
        let info = making.provision.info.clone();
        let info = info.with_status(TenantStatus::Pending);
        let place = making.provision.place.clone();
        match self.registry().register(info, place).await {
            Ok(()) => making.is_new = true,
            // Somebody else was faster.
            Err(TenantError::TenantExists { .. }) => {
                let entry = self.registry().placed(&making.id).await?;
                return self.take_up(making, entry).await;
            }
            Err(error) => return Err(error.into()),
        }
        let provisioning = TenantStatus::Provisioning;
        let entered = async {
            let registry = self.registry();
            registry.change_status(&making.id, provisioning).await?;
            making.tell(ProvisionStep::Register, true).await
        };
        if let Err(error) = entered.await {
            self.take_back(&making.id).await;
            return Err(error);
        }
        Ok(true)
    }

    /// Goes on with an entry that is there.
    async fn take_up(
        &self,
        making: &Making<'_>,
        entry: PlacedTenant,
    ) -> Result<bool, MigrationError> {
        let pending = TenantStatus::Pending;
        let (mut info, mut place) = (entry.info?, entry.connection);
        if info.status == pending && !making.is_made && self.is_occupied(making).await? {
            // Nothing was begun of it, unless somebody else does so right now.
            let entry = self.registry().placed(&making.id).await?;
            (info, place) = (entry.info?, entry.connection);
            if info.status == pending {
                return Err(making.occupied());
            }
        }
        let place = place?;
        if !place.overlaps(&making.place) {
            return Err(MigrationError::Configuration(format!(
                "tenant {} is entered in another place already: in {}",
                making.id,
                in_words(&place)
            )));
        }
        match info.status {
            TenantStatus::Active => Ok(false),
            status if status.is_before_first_use() => {
                let provisioning = TenantStatus::Provisioning;
                match self
                    .registry()
                    .change_status(&making.id, provisioning)
                    .await
                {
                    // It was made in the meantime.
                    Err(TenantError::IllegalStatusChange {
                        from: TenantStatus::Active,
                        ..
                    }) => Ok(false),
                    changed => {
                        changed?;
                        Ok(true)
                    }
                }
            }
            status => Err(MigrationError::WrongStatus {
                tenant: making.id.clone(),
                status,
                operation: "provisioning",
                needed: "pending or provisioning",
            }),
        }
    }

    async fn make(&self, making: &Making<'_>) -> Result<(), MigrationError> {
        let work = TenantContext::scope(making.id.clone(), async {
            match making.place.url().backend() {
                DbBackend::Postgres => postgres::make(self, making).await,
                DbBackend::MySql => mysql::make(self, making).await,
                DbBackend::Sqlite => sqlite::make(self, making).await,
                other => Err(MigrationError::Configuration(format!(
                    "there can be no tenants on {}",
                    other.as_str()
                ))),
            }
        });
        AssertUnwindSafe(work)
            .catch_unwind()
            .await
            .unwrap_or_else(|panic| Err(panicked(&*panic)))
    }

    /// Whether there is something already where the schema is to be.
    async fn is_occupied(&self, making: &Making<'_>) -> Result<bool, MigrationError> {
        if making.place.url().backend() == DbBackend::Sqlite {
            // Whatever it is.
            return Ok(crate::session::file(&making.place)?.exists());
        }
        let content = self.content_at(&making.place).await?;
        Ok(!matches!(content, Content::None | Content::Unfinished))
    }

    /// Removes an entry whose tenant was not made.
    async fn take_back(&self, id: &TenantId) {
        // Only if nobody else has completed it.
        if let Err(error) = self.registry().withdraw(id).await {
            tracing::warn!(tenant.id = id.as_str(), %error, "the entry of a tenant that was not made stays");
        }
    }
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// What there is where a tenant's schema is to be.
    pub(crate) async fn content_at(
        &self,
        place: &ConnectionInfo,
    ) -> Result<Content, MigrationError> {
        let (tenancy, migrations) = (self.tenancy(), self.migrations());
        match place.url().backend() {
            DbBackend::Postgres => postgres::content(tenancy, place, migrations).await,
            DbBackend::MySql => mysql::content(tenancy, place, migrations).await,
            _ => sqlite::content(tenancy, place, migrations).await,
        }
    }
}

impl Making<'_> {
    async fn tell(&self, step: ProvisionStep, is_done: bool) -> Result<(), MigrationError> {
        tracing::debug!(tenant.id = self.id.as_str(), ?step, is_done, "provisioning");
        let Some(hook) = &self.provision.hook else {
            return Ok(());
        };
        let event = ProvisionEvent {
            tenant: self.id.clone(),
            step,
            is_done,
        };
        hook(event).await.map_err(|source| MigrationError::Step {
            step: "the hook",
            source: source.into(),
        })
    }

    /// Applies all migrations, one after the other, and gives the tenant its role.
    async fn migrate<R: TenantDirectory + 'static>(
        &self,
        fleet: &Fleet<R>,
    ) -> Result<(), MigrationError> {
        let job = Job {
            tenant: self.id.clone(),
            place: Arc::clone(&self.place),
            migrations: fleet.migrations().clone(),
            direction: Direction::Up,
            steps: None,
            rights: fleet.rights_at(&self.place)?,
        };
        let mut desk = fleet.desk();
        let migrated = fleet.migrate_one(&mut desk, &job).await;
        desk.close().await;
        migrated?;
        fleet.grant_role(&self.id, &self.place).await?;
        Ok(())
    }

    /// Runs the seed, in its transaction.
    async fn seed(&self, tx: &DatabaseTransaction) -> Result<(), MigrationError> {
        self.tell(ProvisionStep::Seed, false).await?;
        self.copy(tx).await?;
        if let Some(seed) = &self.provision.seed {
            let schema = self.place.schema().clone();
            let db = TenantConnection::borrow(tx, self.id.clone(), schema);
            seed(&db).await.map_err(|source| MigrationError::Step {
                step: "the seed",
                source: source.into(),
            })?;
        }
        self.tell(ProvisionStep::Seed, true).await
    }

    fn occupied(&self) -> MigrationError {
        MigrationError::SchemaOccupied {
            tenant: self.id.clone(),
            place: in_words(&self.place),
        }
    }
}
