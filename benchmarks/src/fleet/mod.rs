//! What provisioning and migrating many tenants takes.
//!
//! Adding a column to all of them is measured side by side with two loops by hand, in short turns,
//! so that what the machine does meanwhile falls on all three. The target is to the one that does no
//! more than that; the other one keeps the promises that the fleet makes. A ratio is that of all
//! turns together.

mod bench;
mod by_hand;
mod columns;
mod database;
mod migrations;
mod resident;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use tenant_core::{DatabaseUrl, MemoryStore};
use tenant_migration::Run;

use self::bench::{Bench, fleet, id};
use crate::{
    BoxError,
    report::{Report, Target},
    server::Server,
};

#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// How many tenants there are.
    #[arg(long, default_value_t = 1_000)]
    pub tenants: usize,
    /// How many are worked on at once.
    #[arg(long, default_value_t = 2)]
    pub workers: usize,
    /// Holds up each commit for so many milliseconds, as if the disk were slower.
    #[arg(long, default_value_t = 0)]
    pub commit_ms: u32,
    /// Applies so many migrations to tenants that are there, and prints how much memory that took.
    #[arg(long, hide = true)]
    pub only_up_to: Option<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tenants: 1_000,
            workers: 2,
            commit_ms: 0,
            only_up_to: None,
        }
    }
}

/// Measures, and says what has targets.
///
/// # Errors
///
/// The fleet's.
pub async fn measure(
    server: &Server,
    settings: &Settings,
    report: &Report,
) -> Result<Vec<Target>, BoxError> {
    let url = database::create(server, settings.commit_ms).await?;
    let begun = Instant::now();
    let bench = Bench {
        database: DatabaseUrl::new(url.clone())?,
        url,
        server,
        report,
        store: Arc::default(),
        tenants: settings.tenants,
        workers: settings.workers,
    };
    report.say(format!(
        "{} tenants of 8 tables; {} workers",
        bench.tenants, bench.workers
    ));
    if settings.commit_ms > 0 {
        report.say(format!(
            "Commits are held up for {} ms.",
            settings.commit_ms
        ));
    }
    report.say("");
    report.columns(&["what", "took"]);
    let commit = database::commit(&bench.url).await?;
    report.say(format!("| a commit | {} |", milliseconds(commit)));
    bench.provision().await?;
    bench.status().await?;
    let nothing = bench.nothing_to_do().await?;
    let bytes = bench.memory()?;
    report.say("");
    let ratio = bench.add_columns().await?;
    server.drop_database(database::NAME).await?;
    report.say(format!(
        "\nAll of this took {:.0} s.",
        begun.elapsed().as_secs_f64()
    ));
    // With held up commits it is another figure, and has another name.
    let name = match settings.commit_ms {
        0 => "fleet_up_ratio",
        _ => "fleet_up_ratio_held_up",
    };
    Ok(vec![
        Target::at_most(name, ratio, 1.5),
        Target::at_most("fleet_up_noop_ms", nothing.as_secs_f64() * 1e3, 1_000.0),
        Target::at_most("fleet_bytes_a_tenant", bytes, 4_096.0),
    ])
}

/// What a process of its own does, whose memory is measured.
///
/// # Errors
///
/// The fleet's.
pub async fn only_up_to(settings: &Settings, migrations: usize) -> Result<u64, BoxError> {
    let database = DatabaseUrl::new(std::env::var("TEST_POSTGRES_URL")?)?;
    let store = MemoryStore::new();
    for number in 0..settings.tenants {
        store.add(id(number)?, &database)?;
    }
    let fleet = fleet(Arc::new(store), migrations, settings.workers)?;
    let report = fleet.up(&Run::default()).await?;
    if report.counts().succeeded != settings.tenants {
        return Err(format!("not all were migrated: {:?}", report.counts()).into());
    }
    resident::peak()
}

/// The one in the middle.
fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations
        .get(durations.len() / 2)
        .copied()
        .unwrap_or_default()
}

/// For a table.
fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
