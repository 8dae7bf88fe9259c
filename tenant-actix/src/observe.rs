use std::sync::Arc;

use actix_web::http::StatusCode;
use tenant_core::TenantInfo;

use crate::middleware::Settings;

/// One request, as metrics have it. Without the feature, or without metrics, nothing is kept.
pub(crate) struct Observation {
    #[cfg(feature = "metrics")]
    running: Option<crate::metrics::Running>,
}

#[cfg(feature = "metrics")]
impl Observation {
    pub(crate) fn start(settings: &Settings) -> Self {
        Self {
            running: settings.metrics.as_ref().map(crate::TenantMetrics::start),
        }
    }

    /// The request is for that tenant, or excluded.
    pub(crate) fn admitted(&mut self, tenant: Option<&Arc<TenantInfo>>) {
        if let (Some(running), Some(tenant)) = (&mut self.running, tenant) {
            running.admitted(tenant);
        }
    }

    pub(crate) fn answered(&mut self, status: StatusCode) {
        if let Some(running) = self.running.take() {
            running.answered(status);
        }
    }
}

#[cfg(not(feature = "metrics"))]
impl Observation {
    pub(crate) fn start(_: &Settings) -> Self {
        Self {}
    }

    pub(crate) fn admitted(&mut self, _: Option<&Arc<TenantInfo>>) {}

    pub(crate) fn answered(&mut self, _: StatusCode) {}
}
