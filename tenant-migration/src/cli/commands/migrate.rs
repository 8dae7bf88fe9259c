//! `up`, `down`, `fresh` and `roles`.

use std::{sync::Arc, time::Instant};

use tenant_core::TenantRegistry;

use super::Program;
use crate::{
    FleetReport, MigrationError, Outcome, Run, Skipped, Stop, TenantReport,
    cli::{
        arguments::{Down, Fresh, Roles, Up},
        failure::{Failure, Verdict},
        interrupt::Interruptible,
        progress::Progress,
        table::{number_of, table},
    },
};

impl<R: TenantRegistry + 'static> Program<'_, R> {
    pub(super) async fn up(&self, up: Up) -> Result<Verdict, Failure> {
        let (selection, number) = self.select(&up.migrate.tenants).await?;
        let steps = up.steps.map(std::num::NonZeroUsize::get);
        if up.migrate.dry_run {
            let plans = self.fleet.plan_up(&selection, steps).await?;
            return self.tell_plans(&selection, plans, up.migrate.all).await;
        }
        let mut run = Run::of(selection).rollout(up.migrate.waves.rollout());
        if let Some(steps) = steps {
            run = run.steps(steps);
        }
        let begun = Instant::now();
        let (run, _interruptible, progress) = self.watched(run, number);
        let report = self.fleet.up(&run).await;
        drop((run, progress));
        self.tell_report(&report?, begun, up.migrate.all)
    }

    pub(super) async fn down(&self, down: Down) -> Result<Verdict, Failure> {
        let (selection, number) = self.select(&down.migrate.tenants).await?;
        let steps = down.steps.get();
        if down.migrate.dry_run {
            let plans = self.fleet.plan_down(&selection, steps).await?;
            return self.tell_plans(&selection, plans, down.migrate.all).await;
        }
        self.console.confirm(&format!(
            "Take back {} of {}?",
            number_of(steps, "migration"),
            number_of(number, "tenant")
        ))?;
        let run = Run::of(selection).rollout(down.migrate.waves.rollout());
        let begun = Instant::now();
        let (run, _interruptible, progress) = self.watched(run.steps(steps), number);
        let report = self.fleet.down(&run).await;
        drop((run, progress));
        self.tell_report(&report?, begun, down.migrate.all)
    }

    pub(super) async fn fresh(&self, fresh: Fresh) -> Result<Verdict, Failure> {
        if !self.fleet.settings().development {
            return Err(MigrationError::Production.into());
        }
        let (selection, number) = self.select(&fresh.tenants).await?;
        self.console.confirm(&format!(
            "Drop all tables of {} and make them anew? All rows are lost.",
            number_of(number, "tenant")
        ))?;
        let begun = Instant::now();
        let report = self.fleet.fresh(&selection).await?;
        self.tell_report(&report, begun, fresh.all)
    }

    pub(super) async fn roles(&self, roles: Roles) -> Result<Verdict, Failure> {
        let selection = roles.tenants.selection()?;
        let begun = Instant::now();
        let report = self.fleet.grant_roles(&selection).await?;
        self.tell_report(&report, begun, roles.all)
    }

    /// A run that tells how far it is, and that can be asked to stop.
    fn watched(&self, run: Run, number: usize) -> (Run, Interruptible, Arc<Progress>) {
        let stop = Stop::default();
        let interruptible = Interruptible::new(self.console, &stop);
        let progress = Arc::new(Progress::begin(self.console, number));
        let told = Arc::clone(&progress);
        let run = run.stop(stop).observer(move |tenant| told.tell(tenant));
        (run, interruptible, progress)
    }

    fn tell_report(
        &self,
        report: &FleetReport,
        begun: Instant,
        all: bool,
    ) -> Result<Verdict, Failure> {
        self.console.result(report, || {
            let mut text = format!(
                "{}: {} ({:.1} s)",
                number_of(report.tenants.len(), "tenant"),
                report.counts(),
                begun.elapsed().as_secs_f64()
            );
            let shown = report
                .tenants
                .iter()
                .filter(|tenant| all || is_amiss(tenant));
            let rows = shown.map(|tenant| [tenant.tenant.to_string(), tenant.outcome.to_string()]);
            let table = table(["TENANT", "OUTCOME"], rows, all);
            if !table.is_empty() {
                text.push_str("\n\n");
                text.push_str(&table);
            }
            text
        });
        Ok(Verdict::well_if(report.is_complete()))
    }
}

/// Whether somebody has to look after it.
fn is_amiss(tenant: &TenantReport) -> bool {
    match &tenant.outcome {
        Outcome::Failed(_) => true,
        Outcome::Skipped(why) => !matches!(why, Skipped::Status(_)),
        Outcome::Migrated(_) | Outcome::RoleGranted | Outcome::UpToDate => false,
    }
}
