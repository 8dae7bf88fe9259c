//! What `tracing` is told: every field of every span and event, as text.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

/// One field, as it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The name of the span, or of the event's place in the code.
    pub by: &'static str,
    pub field: &'static str,
    pub value: String,
}

#[derive(Clone, Debug, Default)]
pub struct Capture(Arc<Mutex<Vec<Told>>>);

impl Capture {
    /// Captures everything, at every level, that this thread tells until the guard is dropped.
    pub fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let capture = Self::default();
        let subscriber = Registry::default().with(capture.clone());
        (capture, tracing::subscriber::set_default(subscriber))
    }

    pub fn told(&self) -> Vec<Told> {
        self.0.lock().unwrap().clone()
    }

    fn visitor(&self, by: &'static str) -> Visitor<'_> {
        Visitor { capture: self, by }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        span.record(&mut self.visitor(span.metadata().name()));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("a span that was made");
        values.record(&mut self.visitor(span.name()));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.visitor(event.metadata().name()));
    }
}

struct Visitor<'a> {
    capture: &'a Capture,
    by: &'static str,
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.capture.0.lock().unwrap().push(Told {
            by: self.by,
            field: field.name(),
            value: value.to_owned(),
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
