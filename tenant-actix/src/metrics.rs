use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

use actix_web::http::StatusCode;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use tenant_core::{TenantId, TenantInfo};

/// Requests and their durations, by tenant, for Prometheus and OpenMetrics.
///
/// - `tenant_requests_total{tenant, status}`: requests answered, by class of status (`2xx`, ..), and
///   those that were given up before (`aborted`).
/// - `tenant_request_duration_seconds{tenant}`: from a request's head to its answer's.
///
/// The first [`max_tenants`](Self::with_max_tenants) tenants that make a request get a label of
/// their own; later ones are counted together as `(other)`, so that the number of time series has a
/// bound. Requests that are refused, and those on excluded paths, are `(none)`: a name that somebody
/// made up never is a label.
///
/// Cheap to clone; clones count together.
///
/// ```
/// use tenant_actix::prometheus_client::registry::Registry;
/// # use tenant_actix::{TenantMetrics, TenantMiddleware};
/// # fn example(tenancy: tenant_core::Tenancy) {
/// let metrics = TenantMetrics::new();
/// let mut registry = Registry::default();
/// metrics.register(&mut registry);
/// let tenants = TenantMiddleware::new(tenancy).metrics(metrics);
/// # }
/// ```
///
/// The registry is [`prometheus_client`]'s, which [this crate](crate) re-exports: one of another version
/// is another type.
#[derive(Clone)]
pub struct TenantMetrics {
    inner: Arc<Inner>,
}

struct Inner {
    requests: Family<RequestLabels, Counter>,
    durations: Family<TenantLabels, Histogram, fn() -> Histogram>,
    labelled: RwLock<HashSet<TenantId>>,
    max_tenants: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    tenant: Label,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabels {
    tenant: Label,
}

/// No id has parentheses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Label {
    Tenant(TenantId),
    Other,
    None,
}

impl EncodeLabelValue for Label {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        let text = match self {
            Self::Tenant(id) => id.as_str(),
            Self::Other => "(other)",
            Self::None => "(none)",
        };
        text.encode(encoder)
    }
}

impl TenantMetrics {
    /// The most tenants that get labels of their own, unless told.
    pub const DEFAULT_MAX_TENANTS: usize = 100;

    /// Metrics with labels for the first 100 tenants.
    #[must_use]
    pub fn new() -> Self {
        Self::with_max_tenants(Self::DEFAULT_MAX_TENANTS)
    }

    /// Metrics with labels for at most so many tenants. Each has a dozen time series and more.
    #[must_use]
    pub fn with_max_tenants(max_tenants: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                requests: Family::default(),
                durations: Family::new_with_constructor(buckets),
                labelled: RwLock::default(),
                max_tenants,
            }),
        }
    }

    /// Adds the metrics to a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "tenant_requests",
            "Requests answered, or given up",
            self.inner.requests.clone(),
        );
        registry.register_with_unit(
            "tenant_request_duration",
            "Time from a request's head to its answer's",
            Unit::Seconds,
            self.inner.durations.clone(),
        );
    }

    pub(crate) fn start(&self) -> Running {
        Running {
            metrics: Some(self.clone()),
            label: Label::None,
            started: Instant::now(),
        }
    }

    fn label(&self, tenant: &TenantInfo) -> Label {
        let Inner {
            labelled,
            max_tenants,
            ..
        } = &*self.inner;
        let known = labelled.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&tenant.id) {
            return Label::Tenant(tenant.id.clone());
        }
        if known.len() >= *max_tenants {
            return Label::Other;
        }
        drop(known);
        let mut known = labelled.write().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&tenant.id) || known.len() < *max_tenants {
            known.insert(tenant.id.clone());
            return Label::Tenant(tenant.id.clone());
        }
        Label::Other
    }

    fn count(&self, label: Label, status: &'static str, started: Instant) {
        self.inner
            .durations
            .get_or_create(&TenantLabels {
                tenant: label.clone(),
            })
            .observe(started.elapsed().as_secs_f64());
        self.inner
            .requests
            .get_or_create(&RequestLabels {
                tenant: label,
                status,
            })
            .inc();
    }
}

impl Default for TenantMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TenantMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantMetrics")
            .field("max_tenants", &self.inner.max_tenants)
            .finish_non_exhaustive()
    }
}

/// One request that is not answered yet. Dropped so, it was given up.
pub(crate) struct Running {
    metrics: Option<TenantMetrics>,
    label: Label,
    started: Instant,
}

impl Running {
    pub(crate) fn admitted(&mut self, tenant: &TenantInfo) {
        if let Some(metrics) = &self.metrics {
            self.label = metrics.label(tenant);
        }
    }

    pub(crate) fn answered(mut self, status: StatusCode) {
        let class = match status.as_u16() {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.end(class);
    }

    fn end(&mut self, status: &'static str) {
        if let Some(metrics) = self.metrics.take() {
            metrics.count(
                std::mem::replace(&mut self.label, Label::None),
                status,
                self.started,
            );
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end("aborted");
    }
}

fn buckets() -> Histogram {
    Histogram::new([
        0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    ])
}
