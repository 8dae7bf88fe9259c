//! Which tenants' schemas are not what their migrations make.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{StreamExt as _, stream};
use sea_orm::DbBackend;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use tenant_core::{ConnectionInfo, DatabaseUrl, TenantDirectory, TenantError, TenantId};
use tokio::sync::OnceCell;

use super::{Fleet, Selection};
use crate::{
    MigrationError, SchemaStatus, SchemaVersion,
    connection::closing,
    drift::{Drift, Structure},
    ledger::Direction,
    rehearsal::Rehearsal,
};

/// What tenants' schemas are compared with.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Reference {
    /// What the migrations make that a tenant has: each is compared with its own version.
    #[default]
    Migrations,
    /// Another tenant's schema.
    Tenant(TenantId),
}

/// How far a tenant's schema is from the reference.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TenantDrift {
    /// The tenant.
    pub tenant: TenantId,
    /// What differs, or why that is not known.
    pub drift: Result<Drift, MigrationError>,
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// Compares the schemas of a selection with a reference, in the order of the tenants' ids. Those
    /// without a schema to keep up to date are left out.
    ///
    /// The reference is made by running the migrations in a scratch schema. What they do to
    /// shared tables is done again, and taken back only on PostgreSQL where all migrations run in
    /// transactions.
    ///
    /// # Errors
    ///
    /// Those of [`tenants`](Self::tenants), and what is wrong with a reference that is a tenant.
    pub async fn drift(
        &self,
        selection: &Selection,
        reference: &Reference,
    ) -> Result<Vec<TenantDrift>, MigrationError> {
        let references = match reference {
            Reference::Migrations => References::default(),
            Reference::Tenant(id) => {
                let place = self.registry().connection(id).await?;
                References::of(self.structure(&place).await?)
            }
        };
        let mut tenants = self.status(selection).await?;
        tenants.retain(|tenant| tenant.out_of_service().is_none());
        let drift = stream::iter(tenants)
            .map(|tenant| {
                let references = &references;
                async move {
                    TenantDrift {
                        drift: self.drift_of(&tenant, references).await,
                        tenant: tenant.tenant,
                    }
                }
            })
            .buffered(self.settings().workers);
        Ok(drift.collect().await)
    }

    async fn drift_of(
        &self,
        tenant: &SchemaStatus,
        references: &References,
    ) -> Result<Drift, MigrationError> {
        let names = self.migrations().names();
        let pending: &[Arc<str>] = match &tenant.version {
            SchemaVersion::UpToDate => &[],
            SchemaVersion::Behind(pending) => pending,
            SchemaVersion::Unreadable(error) => return Err(error.clone()),
            SchemaVersion::Ahead(migrations) => {
                return Err(MigrationError::UnknownMigrations {
                    migrations: migrations.clone(),
                });
            }
            SchemaVersion::Missing => &[],
        };
        let Some(place) = &tenant.place else {
            return Ok(Drift::default());
        };
        if matches!(tenant.version, SchemaVersion::Missing) {
            return Err(TenantError::MissingSchema {
                tenant: tenant.tenant.clone(),
                schema: place.schema().clone(),
            }
            .into());
        }
        let applied = (0..names.len()).filter(|place| !pending.contains(&names[*place]));
        let reference = references.get(self, place, applied.collect()).await?;
        Ok(self.structure(place).await?.drift_from(&reference))
    }

    /// What a tenant's schema is like, without the tables that are about migrations.
    pub(crate) async fn structure(
        &self,
        place: &ConnectionInfo,
    ) -> Result<Structure, MigrationError> {
        let db = match place.url().backend() {
            DbBackend::Sqlite => self.tenancy().dedicated_connection_to(place).await?,
            _ => self.tenancy().connection_to(place.url()).await?,
        };
        let own = self.migrations().own_tables();
        let own = own.each_ref().map(String::as_str);
        closing(db, async |db| {
            Structure::read(db, place.schema(), &own).await
        })
        .await
    }

    /// What these migrations make, beside a tenant.
    pub(crate) async fn reference(
        &self,
        beside: &Arc<ConnectionInfo>,
        applied: Vec<usize>,
    ) -> Result<Structure, MigrationError> {
        let rehearsal = Rehearsal {
            beside: Arc::clone(beside),
            migrations: self.migrations().clone(),
            before: applied,
            then: Vec::new(),
            direction: Direction::Up,
        };
        Ok(rehearsal.run(self.tenancy()).await?.structure)
    }
}

/// References, made when they are needed, once for each database and version.
#[derive(Default)]
struct References {
    fixed: Option<Arc<Structure>>,
    made: Mutex<HashMap<Version, Cell>>,
}

/// The database, where it matters, and what was applied.
type Version = (Option<DatabaseUrl>, Vec<usize>);
type Cell = Arc<OnceCell<Arc<Structure>>>;

impl References {
    fn of(fixed: Structure) -> Self {
        Self {
            fixed: Some(Arc::new(fixed)),
            made: Mutex::default(),
        }
    }

    async fn get<R: TenantDirectory + 'static>(
        &self,
        fleet: &Fleet<R>,
        place: &Arc<ConnectionInfo>,
        applied: Vec<usize>,
    ) -> Result<Arc<Structure>, MigrationError> {
        if let Some(fixed) = &self.fixed {
            return Ok(Arc::clone(fixed));
        }
        // Files of SQLite are all alike.
        let database = match place.url().backend() {
            DbBackend::Sqlite => None,
            _ => Some(place.url().clone()),
        };
        let cell = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(made.entry((database, applied.clone())).or_default())
        };
        let made = cell.get_or_try_init(|| async {
            Ok::<_, MigrationError>(Arc::new(fleet.reference(place, applied).await?))
        });
        Ok(Arc::clone(made.await?))
    }
}

impl fmt::Display for TenantDrift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.drift {
            Ok(drift) if drift.is_empty() => write!(f, "{}: none", self.tenant),
            Ok(drift) => write!(f, "{}:\n{drift}", self.tenant),
            Err(error) => write!(f, "{}: {error}", self.tenant),
        }
    }
}

impl Serialize for TenantDrift {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tenant = serializer.serialize_struct("TenantDrift", 2)?;
        tenant.serialize_field("tenant", &self.tenant)?;
        match &self.drift {
            Ok(drift) => tenant.serialize_field("differences", &drift.differences)?,
            Err(error) => tenant.serialize_field("error", &error.to_string())?,
        }
        tenant.end()
    }
}
