//! Measurements, by name: `cargo run --release -p benchmarks -- <name>`.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "it reports")]

use std::{process::ExitCode, time::Duration};

use benchmarks::{
    BoxError,
    contenders::{Limits, Way},
    fleet,
    load::{Load, Popularity, Shape},
    machine,
    measure::Plan,
    middleware,
    report::{Report, verdict},
    server::Server,
    suite, targets,
    tenants::Tenants,
    throughput::{self, Compared},
};
use clap::{Args, Parser, Subcommand, ValueEnum as _};

#[derive(Parser)]
#[command(about = "Measures sea-orm-tenant side by side with doing without it")]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Every target: exits with 1 if one is short.
    Targets(Common),
    /// The targets of the lanes.
    Lanes(Common),
    /// The targets, and tables of all loads with all contenders. Takes about an hour.
    All(Common),
    /// Requests a second of all contenders under one load.
    Throughput(OneLoad),
    /// What is done for each request, in nanoseconds.
    Overheads,
    /// What the middleware of actix-web costs.
    Middleware,
    /// Provisioning and migrating many tenants.
    Fleet(fleet::Settings),
}

#[derive(Args)]
struct Common {
    /// Puts what was measured into `benchmarks/RESULTS.md`.
    #[arg(long)]
    write: bool,
    /// How many tenants there are at most.
    #[arg(long, default_value_t = 10_000)]
    tenants: usize,
    #[command(flatten)]
    limits: Settings,
}

#[derive(Args)]
struct OneLoad {
    #[arg(long, default_value_t = targets::MANY)]
    tenants: usize,
    #[arg(long, default_value = "uniform")]
    popularity: Popularity,
    #[arg(long, default_value = "read")]
    shape: Shape,
    /// Who take part: all, unless some are named. Ratios are to the first of them.
    #[arg(long, value_delimiter = ',')]
    ways: Vec<Way>,
    #[arg(long, default_value_t = 12)]
    rounds: usize,
    /// How long each turn takes.
    #[arg(long, default_value_t = 500)]
    turn_ms: u64,
    #[command(flatten)]
    limits: Settings,
}

/// The product's defaults, for eight connections.
#[derive(Args)]
struct Settings {
    /// Connections of each contender.
    #[arg(long, default_value_t = 8)]
    connections: u32,
    /// Of those, how many one tenant may use.
    #[arg(long, default_value_t = 2)]
    connections_per_tenant: u32,
    /// Prepared statements of all connections together.
    #[arg(long, default_value_t = 4_096)]
    statements: usize,
    /// How many tenants a connection serves before it is replaced.
    #[arg(long, default_value_t = 1_000)]
    tenants_per_connection: usize,
}

impl Settings {
    fn limits(&self) -> Limits {
        Limits {
            connections: self.connections,
            connections_per_tenant: self.connections_per_tenant,
            statements: self.statements,
            tenants_per_connection: self.tenants_per_connection,
            // The server has 200 connections, for all contenders, and closes one a moment later.
            pools: 100,
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Command::parse().what).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(what: What) -> Result<bool, BoxError> {
    if let What::Fleet(settings) = &what
        && let Some(migrations) = settings.only_up_to
    {
        println!("{}", fleet::only_up_to(settings, migrations).await?);
        return Ok(true);
    }
    let server = Server::find().await?;
    let report = Report::default();
    machine::describe(&report, &server).await?;
    match what {
        What::Targets(common) => measured(server, &common, Extent::Targets, &report).await,
        What::Lanes(common) => measured(server, &common, Extent::Lanes, &report).await,
        What::All(common) => measured(server, &common, Extent::All, &report).await,
        What::Throughput(settings) => throughput(server, &settings, &report).await,
        What::Overheads => {
            let targets = targets::nanoseconds(&server, &report).await?;
            Ok(verdict(&report, &targets))
        }
        What::Middleware => {
            report.say("");
            let targets = middleware::measure(&server, &report, false).await?;
            Ok(verdict(&report, &targets))
        }
        What::Fleet(settings) => {
            let targets = fleet::measure(&server, &settings, &report).await?;
            Ok(verdict(&report, &targets))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Lanes,
    Targets,
    All,
}

async fn measured(
    server: Server,
    common: &Common,
    extent: Extent,
    report: &Report,
) -> Result<bool, BoxError> {
    let limits = common.limits.limits();
    let (tenants, took) = Tenants::create(server, common.tenants).await?;
    report.say(format!(
        "- {} tenants of four tables, made in {:.0} s",
        tenants.count(),
        took.as_secs_f64()
    ));
    report.say(format!("- {limits:?}"));
    let mut targets = targets::of_lanes(&tenants, limits, report).await?;
    if extent != Extent::Lanes {
        targets.extend(targets::of_others(&tenants.server, report).await?);
    }
    report.title("Targets");
    report.say("```text");
    let met = verdict(report, &targets);
    report.say("```");
    if extent == Extent::All {
        suite::run(&tenants, limits, report).await?;
    }
    tenants.drop().await?;
    if common.write {
        report.write()?;
    }
    Ok(met)
}

async fn throughput(server: Server, settings: &OneLoad, report: &Report) -> Result<bool, BoxError> {
    let (tenants, took) = Tenants::create(server, settings.tenants).await?;
    report.say(format!("- {} tenants, made in {took:.0?}", tenants.count()));
    let load = Load::new(settings.tenants, settings.popularity, settings.shape)?;
    let ways = match settings.ways.as_slice() {
        [] => Way::value_variants(),
        some => some,
    };
    let plan = Plan {
        turn: Duration::from_millis(settings.turn_ms),
        ..throughput::plan(settings.rounds)
    };
    let limits = settings.limits.limits();
    let compared = Compared::measure(&tenants, limits, ways, &load, plan).await?;
    compared.table(report);
    tenants.drop().await?;
    Ok(true)
}
