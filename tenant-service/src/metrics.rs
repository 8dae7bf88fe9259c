use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// What the service counts. No label names a tenant: their number has no bound.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    streams: Gauge,
    changes: Family<ChangeLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: String,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    kind: String,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("tenant_service");
        let requests = Family::default();
        let durations: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(buckets);
        let streams = Gauge::default();
        let changes = Family::default();
        registry.register("requests", "Requests answered", requests.clone());
        registry.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer's",
            Unit::Seconds,
            durations.clone(),
        );
        registry.register("event_streams", "Event streams open", streams.clone());
        registry.register("changes", "Changes of tenants seen", changes.clone());
        Self {
            registry,
            requests,
            durations,
            streams,
            changes,
        }
    }

    pub(crate) fn answered(
        &self,
        route: Option<String>,
        method: &str,
        status: u16,
        elapsed: Duration,
    ) {
        let route = route.unwrap_or_else(|| "none".to_owned());
        // Anything can be sent as a method.
        let method = match method {
            known @ ("GET" | "POST" | "PATCH" | "DELETE" | "HEAD" | "PUT" | "OPTIONS") => known,
            _ => "other",
        };
        let status = match status {
            100..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            _ => "5xx",
        };
        self.durations
            .get_or_create(&RouteLabels {
                route: route.clone(),
            })
            .observe(elapsed.as_secs_f64());
        self.requests
            .get_or_create(&RequestLabels {
                route,
                method: method.to_owned(),
                status,
            })
            .inc();
    }

    pub(crate) fn changed(&self, kind: &str) {
        self.changes
            .get_or_create(&ChangeLabels {
                kind: kind.to_owned(),
            })
            .inc();
    }

    /// Event streams open.
    pub(crate) fn streams(&self) -> &Gauge {
        &self.streams
    }

    /// Everything, as Prometheus and OpenMetrics read it.
    pub(crate) fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn buckets() -> Histogram {
    Histogram::new([
        0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    ])
}
