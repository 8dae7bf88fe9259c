//! Work that is the same for each tenant, and needs no rollout.

use std::{panic::AssertUnwindSafe, time::Instant};

use futures_util::FutureExt as _;
use tenant_core::TenantId;

use super::panicked;
use crate::{MigrationError, Outcome, TenantReport};

/// Does the work on one tenant and reports on it: when it fails, or panics, others go on.
pub(crate) async fn report_on(
    tenant: TenantId,
    work: impl Future<Output = Result<Outcome, MigrationError>>,
) -> TenantReport {
    let begun = Instant::now();
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    let outcome = outcome.unwrap_or_else(|panic| Err(panicked(&*panic)));
    let mut report = TenantReport::new(tenant, outcome.unwrap_or_else(Outcome::Failed));
    report.took = begun.elapsed();
    report
}
