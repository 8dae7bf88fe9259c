use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    dispatcher::get_default,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};

use crate::MigrationError;

/// What is sent to see whether it is heard.
const PROOF: &str = "SELECT 'is this heard'";

/// The statements that reach a server, in their order.
///
/// SeaORM tells of each statement that it prepares, with its values, and of no other. The drivers of
/// PostgreSQL and MySQL log all of them, without values, as events of `tracing`; SQLite's does so on a
/// thread of its own, where nobody of this program's listens.
#[derive(Clone, Debug, Default)]
pub(super) struct Recording(Arc<Mutex<Vec<String>>>);

impl Recording {
    /// Has SeaORM tell of a connection's statements.
    pub(super) fn listen_to(&self, db: &mut DatabaseConnection) {
        let recording = self.clone();
        db.set_metric_callback(move |info| {
            let mut statements = recording.statements();
            // The driver told of it already.
            if statements.last() == Some(&info.statement.sql) {
                statements.pop();
            }
            statements.push(info.statement.to_string());
        });
    }

    /// Where a driver's events are listened to. All others, and those as well, go on to whoever
    /// listens now.
    pub(super) fn listener(&self) -> Dispatch {
        Dispatch::new(Listener {
            recording: self.clone(),
            outer: get_default(Dispatch::clone),
        })
    }

    /// That nothing is missed: what a migration sends by `execute_unprepared` is told by the driver
    /// alone, whose logging can be turned off.
    pub(super) async fn expect_to_hear(
        &self,
        db: &impl ConnectionTrait,
    ) -> Result<(), MigrationError> {
        if db.get_database_backend() == DbBackend::Sqlite {
            return Ok(());
        }
        self.take();
        db.execute_unprepared(PROOF).await?;
        if self.take().iter().any(|statement| statement == PROOF) {
            return Ok(());
        }
        Err(MigrationError::Configuration(
            "what migrations send cannot be seen, because the driver's log of statements is turned off: leave `sqlx_logging` on in `TenancyBuilder::configure`, with a level that is not `Off`, or give the fleet a tenancy of its own".to_owned(),
        ))
    }

    /// What was recorded since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.statements())
    }

    fn statements(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Listener {
    recording: Recording,
    outer: Dispatch,
}

fn is_of_driver(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "sqlx::query"
}

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.outer.register_callsite(metadata);
        // Whether anybody listens is different in each task.
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_of_driver(metadata) || self.outer.enabled(metadata)
    }

    fn event(&self, event: &Event<'_>) {
        if is_of_driver(event.metadata()) {
            let mut statement = Statement::default();
            event.record(&mut statement);
            self.recording.statements().push(statement.text());
        }
        if self.outer.enabled(event.metadata()) {
            self.outer.event(event);
        }
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.outer.new_span(span)
    }

    fn record(&self, span: &span::Id, values: &span::Record<'_>) {
        self.outer.record(span, values);
    }

    fn record_follows_from(&self, span: &span::Id, follows: &span::Id) {
        self.outer.record_follows_from(span, follows);
    }

    fn enter(&self, span: &span::Id) {
        self.outer.enter(span);
    }

    fn exit(&self, span: &span::Id) {
        self.outer.exit(span);
    }

    fn clone_span(&self, id: &span::Id) -> span::Id {
        self.outer.clone_span(id)
    }

    fn try_close(&self, id: span::Id) -> bool {
        self.outer.try_close(id)
    }
}

/// A driver's event: the text, if it is short, or the beginning of it and the text.
#[derive(Default)]
struct Statement {
    summary: String,
    whole: String,
}

impl Statement {
    fn text(self) -> String {
        match self.whole.trim() {
            "" => self.summary,
            whole => whole.to_owned(),
        }
    }
}

impl Visit for Statement {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.whole),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
