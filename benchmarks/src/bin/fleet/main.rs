//! What provisioning and migrating many tenants takes on PostgreSQL:
//!
//!     cargo run --release -p benchmarks --bin fleet
//!
//! Adding a column to all of them is measured side by side with two loops by hand, in short turns,
//! so that what the machine does meanwhile falls on all three. The target is to the one that does no
//! more than that; the other one keeps the promises that the fleet makes. A ratio is that of all
//! turns together.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a measurement"
)]

mod bench;
mod by_hand;
mod columns;
mod database;
mod migrations;
mod resident;

use std::{process::ExitCode, sync::Arc, time::Instant};

use benchmarks::{BoxError, milliseconds, target};
use clap::Parser;
use tenant_core::{DatabaseUrl, MemoryStore};
use tenant_migration::Run;

use self::{
    bench::{Bench, fleet, id},
    database::Server,
};

#[derive(Parser)]
struct Settings {
    /// How many tenants there are.
    #[arg(long, default_value_t = 1_000)]
    tenants: usize,
    /// How many are worked on at once.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Holds up each commit for so many milliseconds, as if the disk were slower.
    #[arg(long, default_value_t = 0)]
    commit_ms: u32,
    /// Applies so many migrations to tenants that are there, and prints how much memory that took.
    #[arg(long, hide = true)]
    only_up_to: Option<usize>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    let done = match settings.only_up_to {
        Some(migrations) => only_up_to(&settings, migrations).await.map(|()| true),
        None => measure(&settings).await,
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(settings: &Settings) -> Result<bool, BoxError> {
    let server = Server::find().await?;
    let url = server.create_database(settings.commit_ms).await?;
    let begun = Instant::now();
    let bench = Bench {
        database: DatabaseUrl::new(url.clone())?,
        url,
        server,
        store: Arc::default(),
        tenants: settings.tenants,
        workers: settings.workers,
    };
    println!(
        "PostgreSQL {}, fsync on; {} tenants of 8 tables; {} workers",
        bench.server.setting("server_version").await?,
        bench.tenants,
        bench.workers
    );
    if settings.commit_ms > 0 {
        println!("Commits are held up for {} ms.", settings.commit_ms);
    }
    println!();
    println!("| what | took |");
    println!("|---|---|");
    let commit = database::commit(&bench.url).await?;
    println!("| a commit | {} |", milliseconds(commit));
    bench.provision().await?;
    bench.status().await?;
    let nothing = bench.nothing_to_do().await?;
    let bytes = bench.memory()?;
    println!();
    let ratio = bench.add_columns().await?;
    bench.server.drop_database().await?;
    println!();
    println!("All of this took {:.0} s.", begun.elapsed().as_secs_f64());
    // With held up commits it is another figure, and has another name.
    let name = match settings.commit_ms {
        0 => "fleet_up_ratio".to_owned(),
        held_up => format!("fleet_up_ratio_held_up_{held_up}_ms"),
    };
    println!();
    Ok(target(&name, ratio, 1.5)
        & target("fleet_up_noop_ms", nothing.as_secs_f64() * 1e3, 1_000.0)
        & target("fleet_bytes_a_tenant", bytes, 4_096.0))
}

/// What [`resident::of`] runs.
async fn only_up_to(settings: &Settings, migrations: usize) -> Result<(), BoxError> {
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
    println!("{}", resident::peak()?);
    Ok(())
}
