//! Many tenants at once: workers, one tenant after the other for each.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tenant_core::{TenantDirectory, TenantId};

use super::{
    Fleet, Rollout, Selection,
    workers::{Observer, Work},
};
use crate::{
    FleetReport, MigrationError, Outcome, Skipped, TenantReport, ledger::Direction, session::Desk,
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

/// Asks work on many tenants to stop early: tenants under way are finished, and no other tenant is begun.
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

    /// Called for each tenant that has a schema to migrate, as soon as it is done or left out, in no
    /// order. Tenants skipped for their status are only in the report.
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
            let skipped = tenant.out_of_service();
            if let Some(status) = skipped {
                let why = Outcome::Skipped(Skipped::Status(status));
                reports.push(TenantReport::new(tenant.tenant.clone(), why));
            }
            skipped.is_none()
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
}
