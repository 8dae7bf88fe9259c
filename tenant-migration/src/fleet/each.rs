//! Work that is the same for each tenant, and needs no rollout.

use std::{future::Future, panic::AssertUnwindSafe, time::Instant};

use futures_util::{FutureExt as _, StreamExt as _, stream};
use tenant_core::{TenantDirectory, TenantId};

use super::{Fleet, panicked};
use crate::{FleetReport, MigrationError, Outcome, TenantReport};

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// Works on some tenants at once, and reports on each: one that fails, or at whom the work panics,
    /// stops nobody else.
    pub(crate) async fn for_each<W>(
        &self,
        work: impl IntoIterator<Item = (TenantId, W)>,
    ) -> FleetReport
    where
        W: Future<Output = Result<Outcome, MigrationError>>,
    {
        let reports = stream::iter(work)
            .map(|(id, work)| async move {
                let begun = Instant::now();
                let outcome = AssertUnwindSafe(work).catch_unwind().await;
                let outcome = outcome.unwrap_or_else(|panic| Err(panicked(&*panic)));
                let mut report = TenantReport::new(id, outcome.unwrap_or_else(Outcome::Failed));
                report.took = begun.elapsed();
                report
            })
            .buffered(self.settings().workers);
        FleetReport {
            tenants: reports.collect().await,
        }
    }
}
