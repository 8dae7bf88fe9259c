//! The database roles of tenants, on PostgreSQL: each may use its own schema, and nobody else's.

mod found;
mod rights;

use futures_util::{StreamExt as _, stream};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend};
use tenant_core::{
    ConnectionInfo, DatabaseRoles, PlacedTenant, TenantDirectory, TenantError, TenantId,
};

pub(crate) use self::rights::Rights;
use crate::{
    Fleet, FleetReport, MigrationError, Outcome, Selection, Skipped,
    connection::closing,
    fleet::{has_schema, report_on},
    session::postgres::{SchemaState, begin},
};

/// Lets all tenants read shared tables: to be called where these are made, in a shared migration.
/// `tables` are names as they are in SQL, with their schema where that is not on the search path:
/// `genre`, `catalogue.genre`.
///
/// ```
/// # use sea_orm_migration::prelude::*;
/// # use tenant_core::DatabaseRoles;
/// # async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
/// let roles = DatabaseRoles::new("shop")?;
/// tenant_migration::share_with_tenants(manager.get_connection(), &roles, &["genre"]).await?;
/// # Ok(()) }
/// ```
///
/// It makes the role of [all tenants](DatabaseRoles::of_all_tenants), if that is not there. Tenants
/// read; who writes shared tables does so on [`Tenancy::shared`](tenant_core::Tenancy::shared). On
/// MySQL and SQLite this does nothing.
///
/// # Errors
///
/// [`TenantError::Configuration`] when that role is not one that this made; what the database says.
pub async fn share_with_tenants(
    db: &impl ConnectionTrait,
    roles: &DatabaseRoles,
    tables: &[&str],
) -> Result<(), TenantError> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let shared = rights::let_read(db, &roles.of_all_tenants(), tables).await;
    shared.map_err(|error| match error {
        MigrationError::Tenant(error) => error,
        error => TenantError::Configuration(error.to_string()),
    })
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// Gives the tenants of a selection their database roles: those that were made before there were
    /// roles, or when there were other [members](crate::FleetBuilder::role_members). Doing so again
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] when the fleet knows of no roles; those of
    /// [`tenants`](Self::tenants). What goes wrong with a tenant is in the report.
    pub async fn grant_roles(&self, selection: &Selection) -> Result<FleetReport, MigrationError> {
        if self.settings().roles.is_none() {
            return Err(MigrationError::Configuration(
                "the fleet knows of no database roles: name them with `FleetBuilder::database_roles`"
                    .to_owned(),
            ));
        }
        let tenants = self.tenants(selection).await?;
        let reports =
            stream::iter(tenants)
                .map(|tenant| async move {
                    report_on(tenant.id.clone(), self.grant_role_to(tenant)).await
                })
                .buffered(self.settings().workers);
        Ok(FleetReport {
            tenants: reports.collect().await,
        })
    }

    async fn grant_role_to(&self, tenant: PlacedTenant) -> Result<Outcome, MigrationError> {
        let status = tenant.info?.status;
        if !has_schema(status) {
            return Ok(Outcome::Skipped(Skipped::Status(status)));
        }
        let (id, place) = (tenant.id, tenant.connection?);
        Ok(match self.grant_role(&id, &place).await? {
            true => Outcome::RoleGranted,
            false => Outcome::UpToDate,
        })
    }

    /// Gives a tenant that is there its role. `false` when it is to have none.
    pub(crate) async fn grant_role(
        &self,
        id: &TenantId,
        place: &ConnectionInfo,
    ) -> Result<bool, MigrationError> {
        if self.rights_at(place)?.is_none() {
            return Ok(false);
        }
        self.settings()
            .patiently(|| Box::pin(self.grant_role_now(id, place)))
            .await?;
        Ok(true)
    }

    async fn grant_role_now(
        &self,
        id: &TenantId,
        place: &ConnectionInfo,
    ) -> Result<(), MigrationError> {
        let db = self.tenancy().connection_to(place.url()).await?;
        closing(db, async |db| {
            let tx = begin(db, place, self.settings().lock_timeout).await?;
            let state = SchemaState::read(&tx, place.schema(), "").await?;
            state.expect_schema(id, place)?;
            self.grant_in(&tx, place).await?;
            tx.commit().await?;
            Ok::<_, MigrationError>(())
        })
        .await
    }

    /// Gives the tenant whose schema is at a place its role, if it is to have one.
    pub(crate) async fn grant_in(
        &self,
        tx: &DatabaseTransaction,
        place: &ConnectionInfo,
    ) -> Result<(), MigrationError> {
        match self.rights_at(place)? {
            Some(rights) => rights.grant(tx).await,
            None => Ok(()),
        }
    }

    /// Removes the role of the tenant whose schema is at a place, if it has one. The schema stays.
    pub(crate) async fn revoke_in(
        &self,
        tx: &DatabaseTransaction,
        place: &ConnectionInfo,
    ) -> Result<(), MigrationError> {
        match self.rights_at(place) {
            Ok(Some(rights)) => rights.remove(tx).await,
            // One whose name would be too long was never made.
            _ => Ok(()),
        }
    }

    /// The role of the tenant whose schema is to be at another place from now on is called after that.
    pub(crate) async fn rename_in(
        &self,
        tx: &DatabaseTransaction,
        from: &ConnectionInfo,
        to: &ConnectionInfo,
    ) -> Result<(), MigrationError> {
        match (self.rights_at(from), self.rights_at(to)?) {
            (Ok(Some(from)), Some(to)) => from.rename(&to, tx).await,
            _ => Ok(()),
        }
    }

    /// What the role of the tenant whose schema is at a place may do, if it is to have one.
    pub(crate) fn rights_at(
        &self,
        place: &ConnectionInfo,
    ) -> Result<Option<Rights>, MigrationError> {
        let Some(roles) = &self.settings().roles else {
            return Ok(None);
        };
        let role = roles.of_place(place)?;
        Ok(role.map(|role| Rights {
            role,
            group: roles.of_all_tenants(),
            schema: place.schema().clone(),
            members: self.settings().role_members.clone(),
            migrations: self.migrations().table().to_owned(),
        }))
    }
}
