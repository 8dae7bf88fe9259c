//! Work that is the same for each tenant, and needs no rollout.

use std::{panic::AssertUnwindSafe, time::Instant};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use tenant_core::{TenantDirectory, TenantId};

use super::{Fleet, panicked};
use crate::{FleetReport, MigrationError, Outcome, TenantReport};

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// Works on some tenants at once, and reports on each: one that fails, or at whom the work panics,
    /// stops nobody else.
    pub(crate) async fn for_each(
        &self,
        work: Vec<(TenantId, BoxFuture<'_, Result<Outcome, MigrationError>>)>,
    ) -> FleetReport {
        let mut reports = Vec::with_capacity(work.len());
        for (id, work) in work {
            reports.push(report(id, work));
        }
        let reports = stream::iter(reports).buffered(self.settings().workers);
        FleetReport {
            tenants: reports.collect().await,
        }
    }
}

async fn report(
    id: TenantId,
    work: BoxFuture<'_, Result<Outcome, MigrationError>>,
) -> TenantReport {
    let begun = Instant::now();
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| Err(panicked(&*panic)));
    let mut report = TenantReport::new(id, outcome.unwrap_or_else(Outcome::Failed));
    report.took = begun.elapsed();
    report
}
