//! What migrations do, tried in a scratch schema that is gone afterwards.

mod mysql;
mod postgres;
mod recording;
mod sqlite;

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt as _;
use sea_orm::DbBackend;
use tenant_core::{ConnectionInfo, SchemaName, Tenancy, TenantContext, TenantError, TenantId};
use tracing::instrument::WithSubscriber as _;

use self::recording::Recording;
use crate::{
    MigrationError, Migrations, connection::closing, drift::Structure, fleet::panicked,
    ledger::Direction,
};

/// What to try.
#[derive(Clone, Debug)]
pub(crate) struct Rehearsal {
    /// In whose database: the scratch schema is beside the tenant's.
    pub(crate) beside: Arc<ConnectionInfo>,
    pub(crate) migrations: Migrations,
    /// Those that come first, as places in the order.
    pub(crate) before: Vec<usize>,
    /// Those whose SQL is written down.
    pub(crate) then: Vec<usize>,
    pub(crate) direction: Direction,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Rehearsed {
    /// How the schema is in the end.
    pub(crate) structure: Structure,
    /// For each that was written down, what was sent to the server.
    pub(crate) statements: Vec<Vec<String>>,
    /// What the scratch schema was called.
    #[cfg_attr(not(feature = "lint"), allow(dead_code, reason = "for the lint"))]
    pub(crate) schema: SchemaName,
}

impl Rehearsal {
    /// In a task of its own: it ends, and removes its schema, also when nobody waits for it any more.
    pub(crate) async fn run(self, tenancy: &Tenancy) -> Result<Rehearsed, MigrationError> {
        let (tenancy, recording) = (tenancy.clone(), Recording::default());
        let listener = recording.listener();
        let work = async move {
            match self.beside.url().backend() {
                DbBackend::Postgres => postgres::rehearse(&tenancy, &self, &recording).await,
                DbBackend::MySql => mysql::rehearse(&tenancy, &self, &recording).await,
                _ => sqlite::rehearse(&tenancy, &self, &recording).await,
            }
        };
        let work = TenantContext::scope(TenantId::from_static("scratch"), work);
        let rehearsed = tokio::spawn(work.with_subscriber(listener));
        match rehearsed.await {
            Ok(rehearsed) => rehearsed,
            Err(failed) if failed.is_panic() => Err(panicked(&*failed.into_panic())),
            Err(failed) => Err(MigrationError::Tenant(TenantError::Configuration(
                failed.to_string(),
            ))),
        }
    }

    /// Without the tables that are about migrations.
    async fn structure(
        &self,
        db: &impl sea_orm::ConnectionTrait,
        schema: &SchemaName,
    ) -> Result<Structure, MigrationError> {
        let own = self.migrations.own_tables();
        let mut left_out: Vec<&str> = own.iter().map(String::as_str).collect();
        left_out.push(MARK);
        Ok(Structure::read(db, schema, &left_out).await?)
    }
}

/// Runs migrations, on a connection or in a transaction, and says what each of the later ones sent.
/// No function, because SeaORM takes concrete types.
macro_rules! rehearse {
    ($rehearsal:expr, $recording:expr, $db:expr) => {{
        let rehearsal: &crate::rehearsal::Rehearsal = $rehearsal;
        let recording: &crate::rehearsal::recording::Recording = $recording;
        rehearsal.migrations.install($db).await?;
        for place in &rehearsal.before {
            if let Some(migration) = rehearsal.migrations.at(*place) {
                crate::session::run(&*migration, crate::ledger::Direction::Up, $db).await?;
            }
        }
        if !rehearsal.then.is_empty() {
            recording.expect_to_hear($db).await?;
        }
        let mut statements = Vec::with_capacity(rehearsal.then.len());
        for place in &rehearsal.then {
            if let Some(migration) = rehearsal.migrations.at(*place) {
                recording.take();
                crate::session::run(&*migration, rehearsal.direction, $db).await?;
                statements.push(recording.take());
            }
        }
        statements
    }};
}
use rehearse;

/// On a connection whose unqualified names are the scratch schema's, from its start.
async fn on_its_own_connection(
    tenancy: &Tenancy,
    rehearsal: &Rehearsal,
    place: &ConnectionInfo,
    recording: &Recording,
) -> Result<Rehearsed, MigrationError> {
    let mut db = tenancy.dedicated_connection_to(place).await?;
    recording.listen_to(&mut db);
    let rehearsed = closing(db, async |db| {
        Ok::<_, MigrationError>(Rehearsed {
            statements: rehearse!(rehearsal, recording, db),
            structure: rehearsal.structure(db, place.schema()).await?,
            schema: place.schema().clone(),
        })
    });
    // Whoever made the schema has to remove it, whatever a migration does.
    let rehearsed = AssertUnwindSafe(rehearsed).catch_unwind().await;
    rehearsed.unwrap_or_else(|panic| Err(panicked(&*panic)))
}

/// A name that nobody has: no tenant's begins so by convention.
fn scratch_name() -> Result<SchemaName, MigrationError> {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::{SystemTime, UNIX_EPOCH},
    };

    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_millis());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("{SCRATCH}{}-{now:x}-{count}", std::process::id());
    Ok(SchemaName::try_from(name).map_err(TenantError::from)?)
}

/// What names of scratch schemas begin with.
const SCRATCH: &str = "scratch-";

/// The first table of a scratch schema that is committed. Only one that has it is ever removed by
/// somebody else: a name may be anybody's.
const MARK: &str = "tenant_migration_scratch";
