//! Tables of everything, beside what has targets.

use std::time::Duration;

use clap::ValueEnum as _;

use crate::{
    BoxError, blocking, cold,
    contenders::{Limits, Way},
    load::{Load, Popularity, Shape},
    report::{Report, ratio},
    targets::MANY,
    tenants::Tenants,
    throughput::{Compared, plan},
};

const ROUNDS: usize = 8;

/// All loads, with all contenders.
///
/// # Errors
///
/// A request that fails.
pub async fn run(tenants: &Tenants, limits: Limits, report: &Report) -> Result<(), BoxError> {
    for popularity in Popularity::value_variants() {
        for count in [1, 100, MANY, 10_000] {
            compare(tenants, limits, report, *popularity, count, Shape::Read).await?;
        }
    }
    // Twenty statements of a hundred tenants are as many as one of two thousand.
    compare(
        tenants,
        limits,
        report,
        Popularity::Uniform,
        100,
        Shape::Reads,
    )
    .await?;
    let statements = limits.statements * 20;
    let larger = Limits {
        statements,
        ..limits
    };
    report.say(format!("\nWith room for {statements} statements:"));
    compare(
        tenants,
        larger,
        report,
        Popularity::Uniform,
        MANY,
        Shape::Reads,
    )
    .await?;
    for shape in [Shape::Insert, Shape::Loader, Shape::Transaction] {
        compare(tenants, limits, report, Popularity::Uniform, MANY, shape).await?;
    }
    touch(tenants, limits, report).await?;
    block(tenants, limits, report).await
}

async fn compare(
    tenants: &Tenants,
    limits: Limits,
    report: &Report,
    popularity: Popularity,
    count: usize,
    shape: Shape,
) -> Result<(), BoxError> {
    let count = count.min(tenants.count());
    let load = Load::new(count, popularity, shape)?;
    report.title(format!("{shape:?}, {popularity:?}, {count} tenants"));
    let ways = Way::value_variants();
    let compared = Compared::measure(tenants, limits, ways, &load, plan(ROUNDS)).await?;
    compared.table(report);
    Ok(())
}

async fn touch(tenants: &Tenants, limits: Limits, report: &Report) -> Result<(), BoxError> {
    report.title(format!("The first request of each of {MANY} tenants"));
    let ways = [
        Way::Ours,
        Way::OursWithRoles,
        Way::ByHand,
        Way::OursWithoutLanes,
        Way::SharedPoolLargeCaches,
        Way::SetLocal,
        Way::SearchPath,
    ];
    let cold = cold::measure(tenants, limits, &ways, MANY, 5).await?;
    report.columns(&["", "requests/s", "ratio to plain SeaORM, warm"]);
    for (way, rate, spread) in cold {
        report.row(&[way.title().to_owned(), format!("{rate:.0}"), ratio(spread)]);
    }
    Ok(())
}

/// By how many of eight connections are taken by long transactions.
async fn block(tenants: &Tenants, limits: Limits, report: &Report) -> Result<(), BoxError> {
    report.title("One request in a hundred is a transaction of two seconds");
    let ways = [Way::Ours, Way::SharedPoolLargeCaches];
    for pause in [300, 140, 80, 0].map(Duration::from_millis) {
        let settings = blocking::Settings {
            tenants: MANY,
            pause,
            turns: 2,
            turn: Duration::from_secs(20),
        };
        report.say(format!("Clients pause for {pause:?} on average:\n"));
        blocking::table(
            &blocking::measure(tenants, limits, &ways, settings).await?,
            report,
        );
        report.say("");
    }
    Ok(())
}
