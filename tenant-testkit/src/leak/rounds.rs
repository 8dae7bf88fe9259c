//! The visits, and what is looked at before and after them.

use std::{fmt, time::Duration};

use tenant_core::TenantId;

use super::{
    Leak, LeakCheck, LeakReport, Owner, Visit,
    marks::Found,
    snapshot::Snapshot,
    turns::{self, Fate, Outcome},
};
use crate::TestkitError;

/// How often each tenant is visited while no other is.
const ALONE: usize = 3;
/// Visits of one tenant that are at it at once.
const AT_ONCE: usize = 2;
/// Visits that are given up are given up before they have been polled more often: a visit that asks
/// its database once is polled twice or so, and one that does much is in the middle of it.
const POLLS: [usize; 5] = [1, 1, 2, 4, 8];

impl LeakCheck {
    /// One visit, then the next: whatever reaches the server meanwhile is that tenant's.
    pub(super) async fn one_after_the_other<T: fmt::Debug>(
        &mut self,
        visit: &impl AsyncFn(Visit) -> T,
        report: &mut LeakReport,
    ) -> Result<(), TestkitError> {
        for _ in 0..ALONE {
            for tenant in self.visited.clone() {
                self.alone(&tenant, visit, report).await?;
            }
        }
        Ok(())
    }

    async fn alone<T: fmt::Debug>(
        &mut self,
        tenant: &TenantId,
        visit: &impl AsyncFn(Visit) -> T,
        report: &mut LeakReport,
    ) -> Result<(), TestkitError> {
        let Some(visited) = self.visit_of(tenant) else {
            return Ok(());
        };
        // What came after the last visit is nobody's in particular.
        self.read_statements(None, report)?;
        let others = |owner: &Owner| *owner != Owner::Tenant(tenant.clone());
        let before = self.snapshot(others).await?;
        let tasks = tasks();
        let output = visit(visited).await;
        settle(tasks).await;
        self.read_statements(Some(tenant), report)?;
        let after = self.snapshot(others).await?;
        for (owner, table, row) in before.changes(&after) {
            report.add(Leak::Write {
                visitor: Some(tenant.clone()),
                owner,
                table,
                row,
            });
        }
        self.look_at(tenant, &output, report);
        Ok(())
    }

    /// All tenants at once, some of them given up; then each alone, to see what was left behind.
    pub(super) async fn all_at_once<T: fmt::Debug>(
        &mut self,
        round: usize,
        visit: &impl AsyncFn(Visit) -> T,
        report: &mut LeakReport,
    ) -> Result<(), TestkitError> {
        let visited = self.visited.clone();
        let nobodys = |owner: &Owner| match owner {
            Owner::Tenant(tenant) => !visited.contains(tenant),
            Owner::DefaultSchema => true,
        };
        let before = self.snapshot(nobodys).await?;
        let mut visits = Vec::new();
        for tenant in visited.iter().cycle().take(visited.len() * AT_ONCE) {
            visits.extend(self.visit_of(tenant));
        }
        self.random.shuffle(&mut visits);
        let tenants: Vec<_> = visits.iter().map(|visit| visit.tenant.clone()).collect();
        let fates = self.fates(round, visits.len());
        let futures = visits.into_iter().zip(fates);
        let futures = futures
            .map(|(visited, fate)| (Box::pin(visit(visited)) as _, fate))
            .collect();
        let tasks = tasks();
        let outcomes = turns::take(futures, &mut self.random).await;
        for (tenant, outcome) in tenants.iter().zip(&outcomes) {
            match outcome {
                Outcome::Ended(output) => self.look_at(tenant, output, report),
                Outcome::Cancelled => report.cancelled += 1,
                Outcome::Panicked => report.panicked += 1,
            }
        }
        for tenant in &visited {
            if let Some(visited) = self.visit_of(tenant) {
                let output = visit(visited).await;
                self.look_at(tenant, &output, report);
            }
        }
        settle(tasks).await;
        self.read_statements(None, report)?;
        let after = self.snapshot(nobodys).await?;
        for (owner, table, row) in before.changes(&after) {
            report.add(Leak::Write {
                visitor: None,
                owner,
                table,
                row,
            });
        }
        self.look_for_strangers(report).await
    }

    /// Nobody is given up in every fourth round; else one is, or all but one.
    fn fates(&mut self, round: usize, visits: usize) -> Vec<Fate> {
        let mut fates = vec![Fate::Ends; visits];
        let random = &mut self.random;
        let mut given_up = |fate: fn(usize) -> Fate| {
            let most = random.choice(POLLS).unwrap_or(1);
            fate(random.usize(1..=most))
        };
        match round % 4 {
            0 => {}
            1 => fates[0] = given_up(Fate::Cancelled),
            2 => fates[0] = given_up(Fate::Panics),
            _ => {
                for fate in fates.iter_mut().skip(1) {
                    *fate = given_up(Fate::Cancelled);
                }
            }
        }
        fates
    }

    /// What of others is in what a visit has returned.
    fn look_at<T: fmt::Debug>(&self, tenant: &TenantId, output: &T, report: &mut LeakReport) {
        /// Characters of an output that is shown.
        const SHOWN: usize = 300;
        report.visits += 1;
        let output = format!("{output:?}");
        let mut has_own = false;
        for (owner, found) in self.marks.find(&output) {
            let visitor = tenant.clone();
            let leak = match found {
                _ if matches!(owner, Owner::Tenant(owner) if owner == tenant) => {
                    has_own = true;
                    continue;
                }
                Found::Text(text) => Leak::Row {
                    visitor,
                    owner: owner.clone(),
                    text,
                },
                Found::Id(id) => Leak::Id {
                    visitor,
                    owner: owner.clone(),
                    id,
                },
            };
            report.add(leak);
        }
        report.own_rows += usize::from(has_own);
        if !has_own {
            report.without_own = Some(output.chars().take(SHOWN).collect());
        }
    }

    fn read_statements(
        &mut self,
        visitor: Option<&TenantId>,
        report: &mut LeakReport,
    ) -> Result<(), TestkitError> {
        let Some(recorder) = &mut self.recorder else {
            return Ok(());
        };
        let recorded = recorder.take()?;
        if let Some(count) = &mut report.statements {
            *count += recorded.len();
        }
        for leak in self.judge.judge(visitor, &recorded) {
            report.add(leak);
        }
        Ok(())
    }

    async fn snapshot(&self, which: impl Fn(&Owner) -> bool) -> Result<Snapshot, TestkitError> {
        let places = self.places.iter().filter(|place| which(&place.owner));
        Snapshot::take(places, &self.tables)
            .await
            .map_err(TestkitError::database("look at the tables"))
    }

    /// Rows with a mark in tables that are not of the mark's owner.
    async fn look_for_strangers(&self, report: &mut LeakReport) -> Result<(), TestkitError> {
        let all = self.snapshot(|_| true).await?;
        for (owner, table, row) in all.rows() {
            let strangers = self.marks.find(row).into_iter();
            for (stranger, _) in strangers.filter(|(of, _)| *of != owner) {
                report.add(Leak::Write {
                    visitor: match stranger {
                        Owner::Tenant(tenant) => Some(tenant.clone()),
                        Owner::DefaultSchema => None,
                    },
                    owner: owner.clone(),
                    table: table.to_owned(),
                    row: format!("+ {row}"),
                });
            }
        }
        Ok(())
    }
}

/// How many tasks there are on this runtime.
fn tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

/// Waits, though not for long, until what a visit has spawned is done.
async fn settle(before: usize) {
    for _ in 0..20 {
        if tasks() <= before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
