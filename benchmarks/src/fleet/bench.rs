//! The tenants, and what is measured of them one thing after the other.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    BoxError,
    fleet::{median, milliseconds},
    report::Report,
    server::Server,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tenant_core::{ConnectionInfo, DatabaseUrl, MemoryStore, TenantId, TenantInfo};
use tenant_migration::{Fleet, Provision, Run, SchemaVersion, Selection};

use super::{
    database::commit_count,
    migrations::{MAKING, first},
    resident,
};

pub type Tenants = Fleet<Arc<MemoryStore>>;

/// The migrations that are applied when memory was measured.
pub const BEFORE: usize = MAKING + 2;
/// Provisioned one after the other, to see what one takes.
const ALONE: usize = 50;
/// Times that what changes nothing is measured.
const REPETITIONS: usize = 5;

pub struct Bench<'a> {
    pub server: &'a Server,
    pub report: &'a Report,
    pub url: String,
    pub database: DatabaseUrl,
    pub store: Arc<MemoryStore>,
    pub tenants: usize,
    pub workers: usize,
}

impl Bench<'_> {
    pub async fn provision(&self) -> Result<(), BoxError> {
        let fleet = self.fleet(MAKING)?;
        let mut took = Vec::new();
        let alone = ALONE.min(self.tenants);
        for number in 0..alone {
            let begun = Instant::now();
            fleet.provision(&self.tenant(number)?).await?;
            took.push(begun.elapsed());
        }
        self.report.say(format!(
            "| provisioning a tenant, median of {alone} | {} |",
            milliseconds(median(took))
        ));
        let begun = Instant::now();
        stream::iter(alone..self.tenants)
            .map(|number| {
                let fleet = fleet.clone();
                let tenant = self.tenant(number);
                async move {
                    let provisioning = tokio::spawn(async move {
                        fleet.provision(&tenant?).await.map_err(BoxError::from)
                    });
                    provisioning.await?
                }
            })
            .buffer_unordered(self.workers)
            .try_for_each(|_| async { Ok(()) })
            .await?;
        let (others, took) = (self.tenants - alone, begun.elapsed().as_secs_f64());
        self.report.say(format!(
            "| provisioning the other {others}, {} at once | {took:.1} s, {:.0} a second |",
            self.workers,
            others as f64 / took
        ));
        Ok(())
    }

    fn tenant(&self, number: usize) -> Result<Provision, BoxError> {
        let id = id(number)?;
        let place = ConnectionInfo::shared(&self.database, &id);
        Ok(Provision::new(TenantInfo::active(id), place))
    }

    pub async fn status(&self) -> Result<(), BoxError> {
        let fleet = self.fleet(MAKING)?;
        let before = commit_count(self.server).await?;
        let mut took = Vec::new();
        for _ in 0..REPETITIONS {
            let begun = Instant::now();
            let all = fleet.status(&Selection::All).await?;
            took.push(begun.elapsed());
            let is_up_to_date =
                |version: &SchemaVersion| matches!(version, SchemaVersion::UpToDate);
            if all.len() != self.tenants || !all.iter().all(|one| is_up_to_date(&one.version)) {
                return Err("not all tenants were provisioned".into());
            }
        }
        let statements = (commit_count(self.server).await? - before) / i64::try_from(REPETITIONS)?;
        self.report.say(format!(
            "| status of all, {statements} statements | {} |",
            milliseconds(median(took))
        ));
        Ok(())
    }

    pub async fn nothing_to_do(&self) -> Result<Duration, BoxError> {
        let fleet = self.fleet(MAKING)?;
        let mut took = Vec::new();
        for _ in 0..REPETITIONS {
            let begun = Instant::now();
            let report = fleet.up(&Run::default()).await?;
            took.push(begun.elapsed());
            if report.counts().up_to_date != self.tenants {
                return Err("there was something to do".into());
            }
        }
        let took = median(took);
        self.report.say(format!(
            "| `up` with nothing to do | {} |",
            milliseconds(took)
        ));
        Ok(took)
    }

    /// What each tenant adds.
    pub fn memory(&self) -> Result<f64, BoxError> {
        let few = self.tenants / 10;

        let of_few = resident::of(&self.url, few, MAKING + 1, self.workers)?;
        let of_all = resident::of(&self.url, self.tenants, BEFORE, self.workers)?;
        for (tenants, bytes) in [(few, of_few), (self.tenants, of_all)] {
            self.report.say(format!(
                "| memory of a migrator, of {tenants} tenants | {:.1} MiB |",
                bytes as f64 / 1024.0 / 1024.0
            ));
        }
        Ok(of_all.saturating_sub(of_few) as f64 / (self.tenants - few) as f64)
    }

    pub fn fleet(&self, migrations: usize) -> Result<Tenants, BoxError> {
        fleet(Arc::clone(&self.store), migrations, self.workers)
    }
}

pub fn fleet(
    store: Arc<MemoryStore>,
    migrations: usize,
    workers: usize,
) -> Result<Tenants, BoxError> {
    let migrations = first(migrations)?;
    Ok(Fleet::builder(store, migrations).workers(workers).build()?)
}

pub fn id(number: usize) -> Result<TenantId, BoxError> {
    Ok(TenantId::try_from(format!("tenant-{number:05}"))?)
}
