//! Many tenants at once: workers, one tenant after the other for each.

use std::{
    collections::VecDeque,
    fmt,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use futures_util::FutureExt as _;
use tenant_core::{TenantContext, TenantDirectory, TenantError, TenantId};
use tokio::task::JoinSet;

use super::{Fleet, Rollout, Selection, selection::has_schema};
use crate::{
    FleetReport, MigrationError, Outcome, SchemaStatus, SchemaVersion, Skipped, TenantReport,
    error::conflict,
    ledger::Direction,
    session::{Desk, Job},
};

/// What to do with how many tenants, and whom to tell. The default is everything, for all.
#[derive(Clone, Default)]
#[must_use = "it is only a description"]
pub struct Run {
    selection: Selection,
    rollout: Rollout,
    steps: Option<usize>,
    observer: Option<Observer>,
    stop: Stop,
}

type Observer = Arc<dyn Fn(&TenantReport) + Send + Sync>;

/// Asks work on many tenants to end early: no other tenant is begun, and those under way are ended.
///
/// Clones are one and the same.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks to stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked to.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Run {
    /// Everything, for these tenants.
    pub fn of(selection: Selection) -> Self {
        Self {
            selection,
            ..Self::default()
        }
    }

    /// Whom to begin with, and when to stop.
    pub fn rollout(mut self, rollout: Rollout) -> Self {
        self.rollout = rollout;
        self
    }

    /// At most so many migrations of each tenant.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = Some(steps);
        self
    }

    /// Is told of each tenant as soon as it is done, in no order.
    pub fn observer(mut self, observer: impl Fn(&TenantReport) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// What may ask this to end early.
    pub fn stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("selection", &self.selection)
            .field("rollout", &self.rollout)
            .field("steps", &self.steps)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// Applies what is pending. Tenants for whom nothing is are found by
    /// [`status`](Self::status), and no connection is opened for them.
    ///
    /// It may be run as often as one likes, by several programs at once, and be killed at any moment:
    /// the next run goes on from there. Where a migration is no transaction (on MySQL, and where one
    /// asks for none), its statements should be such that can be repeated.
    ///
    /// # Errors
    ///
    /// Those of [`tenants`](Self::tenants), and a canary that is none of them. What goes wrong with a
    /// tenant is in the report.
    pub async fn up(&self, run: &Run) -> Result<FleetReport, MigrationError> {
        self.migrate(run, Direction::Up).await
    }

    /// Takes back the latest migrations: one of each tenant, unless [`Run::steps`] says otherwise.
    ///
    /// # Errors
    ///
    /// Those of [`up`](Self::up).
    pub async fn down(&self, run: &Run) -> Result<FleetReport, MigrationError> {
        let mut run = run.clone();
        run.steps.get_or_insert(1);
        self.migrate(&run, Direction::Down).await
    }

    async fn migrate(
        &self,
        run: &Run,
        direction: Direction,
    ) -> Result<FleetReport, MigrationError> {
        let mut tenants = self.status(&run.selection).await?;
        let mut reports = Vec::with_capacity(tenants.len());
        tenants.retain(|tenant| {
            let skipped = !has_schema(tenant.status);
            if skipped {
                let why = Outcome::Skipped(Skipped::Status(tenant.status));
                reports.push(TenantReport::new(tenant.tenant.clone(), why));
            }
            !skipped
        });
        let ids: Vec<TenantId> = tenants.iter().map(|tenant| tenant.tenant.clone()).collect();
        let waves = run.rollout.waves(&ids)?;
        let work = Arc::new(Work {
            fleet: self.clone(),
            direction,
            steps: run.steps,
            observer: run.observer.clone(),
            stop: run.stop.clone(),
            queue: Mutex::default(),
            done: Mutex::new(reports),
            failures: AtomicUsize::new(0),
            allowed: AtomicUsize::new(0),
            tenants,
        });
        let mut desks: Vec<Desk> = (0..self.settings().workers.min(ids.len()))
            .map(|_| self.desk())
            .collect();
        let mut left_out = None;
        for wave in waves {
            if left_out.is_none() {
                let allowed = if wave.is_canary {
                    0
                } else {
                    run.rollout.max_failures()
                };
                work.allowed.store(allowed, Ordering::Relaxed);
                work.take_on(wave.places);
                desks = work.clone().spread(desks).await;
            } else {
                work.take_on(wave.places);
            }
            left_out = left_out.or_else(|| work.why_to_stop(wave.is_canary));
            if let Some(why) = left_out {
                work.leave_out(why);
            }
        }
        for mut desk in desks {
            desk.close().await;
        }
        let mut tenants = std::mem::take(&mut *work.done());
        tenants.sort_unstable_by(|one, other| one.tenant.cmp(&other.tenant));
        Ok(FleetReport { tenants })
    }

    pub(crate) fn desk(&self) -> Desk {
        Desk::new(self.tenancy().clone(), self.settings().lock_timeout)
    }

    /// One tenant, tried again while others are in the way.
    pub(crate) async fn migrate_one(
        &self,
        desk: &mut Desk,
        job: &Job,
    ) -> Result<usize, MigrationError> {
        let settings = self.settings();
        let limit = settings.tenant_timeout;
        let work = TenantContext::scope(job.tenant.clone(), async {
            let mut waits = settings.waits();
            let mut done = 0;
            loop {
                let Err(mut error) = desk.migrate(job, &mut done).await else {
                    return Ok(done);
                };
                if let MigrationError::HalfApplied { migration, source } = &error
                    && conflict::is_done_already(source)
                {
                    match self.finish(desk, job, migration).await {
                        Ok(true) => {
                            done += 1;
                            continue;
                        }
                        Ok(false) => {}
                        Err(instead) if instead.is_transient() => error = instead,
                        Err(why) => tracing::debug!(%why, "it cannot be compared"),
                    }
                }
                let Some(wait) = waits.next().filter(|_| error.is_transient()) else {
                    return Err(error);
                };
                tracing::debug!(%error, "it is tried again");
                tokio::time::sleep(wait).await;
            }
        });
        // A panic of a migration is its tenant's, and not the fleet's.
        match tokio::time::timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(panicked(&*panic)),
            Err(_) => Err(MigrationError::TimedOut { limit }),
        }
    }
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// Notes that a migration was done, which was begun and is complete after all: the schema is what
    /// the migrations make, and this one makes nothing else.
    async fn finish(
        &self,
        desk: &mut Desk,
        job: &Job,
        migration: &str,
    ) -> Result<bool, MigrationError> {
        let names = self.migrations().names();
        let compare = async |applied: &[String]| {
            let pending = self.migrations().pending(applied)?;
            let all = 0..names.len();
            let before = all
                .clone()
                .filter(|place| !pending.contains(place))
                .collect();
            let this = all.filter(|place| &*names[*place] == migration).collect();
            let rehearsed = self
                .rehearse(&job.place, before, this, job.direction)
                .await?;
            let changes_rows = rehearsed
                .statements
                .iter()
                .flatten()
                .any(|sql| changes_rows(sql));
            Ok(!changes_rows && self.structure(&job.place).await? == rehearsed.structure)
        };
        desk.finish_on_mysql(job, migration, compare).await
    }
}

/// Whether a statement may have done something that a structure does not show, or may be why another
/// one did: rows that are read are there in a tenant's schema, and not in a scratch schema, where
/// nothing follows from them.
fn changes_rows(sql: &str) -> bool {
    let sql = sql.replace('`', "").to_ascii_lowercase();
    let words: Vec<&str> = sql
        .split(|character: char| character.is_whitespace() || matches!(character, '(' | ')' | ';'))
        .filter(|word| !word.is_empty())
        .collect();
    match words.as_slice() {
        [
            "create" | "alter" | "drop" | "rename" | "show" | "set" | "use",
            ..,
        ] => false,
        // What `TenantSchemaManager::tenant` asks.
        ["select", "database"] => false,
        ["select", ..] => !reads_catalogue_only(&sql, &words),
        _ => true,
    }
}

/// Whether a query reads how tables are made, and nothing else. What is not sure to be is not.
fn reads_catalogue_only(sql: &str, words: &[&str]) -> bool {
    let is_source = |word: &&str| matches!(*word, "from" | "join" | "straight_join" | "table");
    let mut sources = words.iter().enumerate().filter(|(_, word)| is_source(word));
    let all = sources.clone().all(|(place, _)| {
        words.get(place + 1).is_some_and(|source| {
            // What a query in brackets reads is looked at by itself.
            *source == "select" || source.starts_with("information_schema.")
        })
    });
    // A comma after a source may be before another one.
    let with_list = sql.split("from").skip(1).any(|rest| {
        let until = ["where", "group", "order", "limit", "having", "select"];
        let end = until.iter().filter_map(|word| rest.find(word)).min();
        rest.get(..end.unwrap_or(rest.len()))
            .is_none_or(|sources| sources.contains(','))
    });
    sources.next().is_some() && all && !with_list
}

/// What workers share.
struct Work<R> {
    fleet: Fleet<R>,
    direction: Direction,
    steps: Option<usize>,
    observer: Option<Observer>,
    stop: Stop,
    tenants: Vec<SchemaStatus>,
    /// Whose turn it is, as places among the tenants.
    queue: Mutex<VecDeque<usize>>,
    done: Mutex<Vec<TenantReport>>,
    failures: AtomicUsize,
    allowed: AtomicUsize,
}

impl<R: TenantDirectory + 'static> Work<R> {
    /// Those of one database come after each other, so that workers keep their connections.
    fn take_on(&self, mut places: Vec<usize>) {
        let url = |place: usize| {
            let place = self.tenants[place].place.as_ref();
            place.map(|place| place.url().expose())
        };
        places.sort_unstable_by(|one, other| (url(*one), one).cmp(&(url(*other), other)));
        *self.queue() = places.into();
    }

    async fn spread(self: Arc<Self>, desks: Vec<Desk>) -> Vec<Desk> {
        let mut workers = JoinSet::new();
        for mut desk in desks {
            let work = Arc::clone(&self);
            workers.spawn(async move {
                while let Some(place) = work.turn() {
                    work.tenant(&mut desk, place).await;
                }
                desk
            });
        }
        workers.join_all().await
    }

    fn turn(&self) -> Option<usize> {
        if self.why_to_stop(false).is_some() {
            return None;
        }
        self.queue().pop_front()
    }

    fn why_to_stop(&self, is_canary: bool) -> Option<Skipped> {
        if self.stop.is_requested() {
            return Some(Skipped::Stopped);
        }
        let failures = self.failures.load(Ordering::Relaxed);
        if failures <= self.allowed.load(Ordering::Relaxed) {
            return None;
        }
        Some(match is_canary {
            true => Skipped::CanaryFailed,
            false => Skipped::TooManyFailures,
        })
    }

    async fn tenant(&self, desk: &mut Desk, place: usize) {
        let tenant = &self.tenants[place];
        let begun = Instant::now();
        let outcome = match self.migrate(desk, tenant).await {
            Ok(0) => Outcome::UpToDate,
            Ok(migrations) => Outcome::Migrated(migrations),
            Err(error) => {
                tracing::warn!(tenant.id = tenant.tenant.as_str(), %error, "a tenant failed");
                self.failures.fetch_add(1, Ordering::Relaxed);
                // Whatever is open may be in the middle of something.
                desk.close().await;
                Outcome::Failed(error)
            }
        };
        let mut report = TenantReport::new(tenant.tenant.clone(), outcome);
        report.took = begun.elapsed();
        self.report(report);
    }

    async fn migrate(
        &self,
        desk: &mut Desk,
        tenant: &SchemaStatus,
    ) -> Result<usize, MigrationError> {
        match (&tenant.version, self.direction) {
            (SchemaVersion::UpToDate, Direction::Up) => return Ok(0),
            (SchemaVersion::Unreadable(error), _) => return Err(error.clone()),
            (SchemaVersion::Ahead(unknown), _) => {
                return Err(MigrationError::UnknownMigrations {
                    migrations: unknown.clone(),
                });
            }
            _ => {}
        }
        let Some(place) = &tenant.place else {
            return Ok(0);
        };
        if matches!(tenant.version, SchemaVersion::Missing) {
            return Err(TenantError::MissingSchema {
                tenant: tenant.tenant.clone(),
                schema: place.schema().clone(),
            }
            .into());
        }
        let job = Job {
            tenant: tenant.tenant.clone(),
            place: Arc::clone(place),
            migrations: self.fleet.migrations().clone(),
            direction: self.direction,
            steps: self.steps,
            rights: self.fleet.rights_at(place)?,
        };
        self.fleet.migrate_one(desk, &job).await
    }

    fn leave_out(&self, why: Skipped) {
        let left: Vec<usize> = self.queue().drain(..).collect();
        for place in left {
            let tenant = self.tenants[place].tenant.clone();
            self.report(TenantReport::new(tenant, Outcome::Skipped(why)));
        }
    }

    fn report(&self, report: TenantReport) {
        if let Some(observer) = &self.observer {
            // Its panic is nobody's failure.
            let told = std::panic::catch_unwind(AssertUnwindSafe(|| observer(&report)));
            if told.is_err() {
                tracing::warn!("the observer of a run panicked");
            }
        }
        self.done().push(report);
    }

    fn done(&self) -> MutexGuard<'_, Vec<TenantReport>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a panic said.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> MigrationError {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    MigrationError::Panicked {
        message: text.unwrap_or_else(|| "without a message".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::changes_rows;

    #[test]
    fn what_reads_or_writes_rows_is_not_shown_by_a_structure() {
        for sql in [
            "INSERT INTO one VALUES (1)",
            "update book set lent = 0",
            "SELECT id FROM book",
            "SELECT `id` FROM `book` WHERE `title` = 'x from information_schema.tables'",
            "SELECT 1 FROM information_schema.tables, book",
            "SELECT 1 FROM information_schema.tables t JOIN book b ON b.id = 1",
            "SELECT (SELECT max(id) FROM book) FROM information_schema.tables",
            "SELECT 1 FROM information_schema.tables WHERE EXISTS (SELECT 1 FROM book)",
            "SELECT GET_LOCK('x', 1)",
            "WITH b AS (SELECT * FROM book) SELECT * FROM b",
            "(SELECT 1)",
            "",
        ] {
            assert!(changes_rows(sql), "{sql}");
        }
        for sql in [
            "CREATE TABLE one (id integer)",
            "  alter table one add x integer",
            "SELECT DATABASE()",
            "SELECT 1 FROM information_schema.tables WHERE table_name IN ('a', 'b')",
            "SELECT COUNT(*) > 0 AS `has_table` FROM (SELECT `table_name` FROM \
             `information_schema`.`tables` WHERE `table_schema` = DATABASE()) AS `subquery`",
        ] {
            assert!(!changes_rows(sql), "{sql}");
        }
    }
}
