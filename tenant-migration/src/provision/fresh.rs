//! Beginning anew, in development.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tenant_core::{TenantInfo, TenantRegistry};

use super::{Making, Provision};
use crate::{
    Fleet, FleetReport, MigrationError, Outcome, SchemaStatus, Selection, Skipped, fleet::report_on,
};

impl<R: TenantRegistry + 'static> Fleet<R> {
    /// Drops everything that the tenants of a selection have, and makes their schemas anew with all
    /// migrations. For development: all rows are lost.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Production`] unless the fleet was built with
    /// [`development(true)`](crate::FleetBuilder::development); those of [`tenants`](Self::tenants).
    /// What goes wrong with a tenant is in the report.
    pub async fn fresh(&self, selection: &Selection) -> Result<FleetReport, MigrationError> {
        if !self.settings().development {
            return Err(MigrationError::Production);
        }
        let tenants = self.status(selection).await?;
        let reports = stream::iter(tenants)
            .map(|tenant| async move {
                report_on(tenant.tenant.clone(), self.make_fresh(&tenant)).await
            })
            .buffered(self.settings().workers);
        Ok(FleetReport {
            tenants: reports.collect().await,
        })
    }

    async fn make_fresh(&self, tenant: &SchemaStatus) -> Result<Outcome, MigrationError> {
        if let Some(status) = tenant.out_of_service() {
            return Ok(Outcome::Skipped(Skipped::Status(status)));
        }
        let place = match (&tenant.place, &tenant.version) {
            (Some(place), _) => place,
            (None, crate::SchemaVersion::Unreadable(error)) => return Err(error.clone()),
            (None, _) => return Ok(Outcome::UpToDate),
        };
        self.drop_schema(place).await?;
        let provision =
            Provision::new(TenantInfo::active(tenant.tenant.clone()), (**place).clone());
        let making = Making {
            id: tenant.tenant.clone(),
            place: Arc::clone(place),
            provision: &provision,
            is_new: false,
            is_made: false,
        };
        self.make(&making).await?;
        Ok(Outcome::Migrated(self.migrations().names().len()))
    }
}
