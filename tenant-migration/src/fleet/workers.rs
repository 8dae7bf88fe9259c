//! What workers do who share the tenants of a run.

use std::{
    collections::VecDeque,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use tenant_core::{TenantDirectory, TenantError};
use tokio::task::JoinSet;

use super::{Fleet, Stop};
use crate::{
    MigrationError, Outcome, SchemaStatus, SchemaVersion, Skipped, TenantReport,
    ledger::Direction,
    session::{Desk, Job},
};

/// Who is told of each tenant.
pub(super) type Observer = Arc<dyn Fn(&TenantReport) + Send + Sync>;

/// What workers share.
pub(super) struct Work<R> {
    pub(super) fleet: Fleet<R>,
    pub(super) direction: Direction,
    pub(super) steps: Option<usize>,
    pub(super) observer: Option<Observer>,
    pub(super) stop: Stop,
    pub(super) tenants: Vec<SchemaStatus>,
    /// Whose turn it is, as places among the tenants.
    pub(super) queue: Mutex<VecDeque<usize>>,
    pub(super) done: Mutex<Vec<TenantReport>>,
    pub(super) failures: AtomicUsize,
    pub(super) allowed: AtomicUsize,
}

impl<R: TenantDirectory + 'static> Work<R> {
    /// Those of one database come after each other, so that workers keep their connections.
    pub(super) fn take_on(&self, mut places: Vec<usize>) {
        let url = |place: usize| {
            let place = self.tenants[place].place.as_ref();
            place.map(|place| place.url().expose())
        };
        places.sort_unstable_by(|one, other| (url(*one), one).cmp(&(url(*other), other)));
        *self.queue() = places.into();
    }

    pub(super) async fn spread(self: Arc<Self>, desks: Vec<Desk>) -> Vec<Desk> {
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

    pub(super) fn why_to_stop(&self, is_canary: bool) -> Option<Skipped> {
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

    pub(super) fn leave_out(&self, why: Skipped) {
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

    pub(super) fn done(&self) -> MutexGuard<'_, Vec<TenantReport>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
