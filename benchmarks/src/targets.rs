//! Every figure that has a bound, in one run.

use std::time::Duration;

use crate::{
    BoxError, blocking, cache, cold,
    contenders::{Limits, Way},
    fleet, footprint,
    load::{Load, Popularity, Shape},
    memory::megabytes,
    middleware, overheads,
    report::{Report, Target, ratio},
    server::Server,
    tenants::Tenants,
    throughput::{Compared, plan},
};

/// The size that most targets are for.
pub const MANY: usize = 2_000;

/// What PostgreSQL takes for one prepared statement, and for one tenant that a process knows: what
/// the documentation of the settings says.
const BYTES_A_STATEMENT: usize = 12_000;
const BYTES_A_TENANT: usize = 13_000;

/// Those that the lanes are for.
///
/// # Errors
///
/// A request that fails.
pub async fn of_lanes(
    tenants: &Tenants,
    limits: Limits,
    report: &Report,
) -> Result<Vec<Target>, BoxError> {
    let mut targets = throughput(tenants, limits, report).await?;
    targets.extend(first_touches(tenants, limits, report).await?);
    targets.extend(memory(tenants, limits, report).await?);
    targets.extend(long_transactions(tenants, limits, report).await?);
    Ok(targets)
}

/// Those of the rest of the product.
///
/// # Errors
///
/// What fails of what is measured.
pub async fn of_others(server: &Server, report: &Report) -> Result<Vec<Target>, BoxError> {
    let mut targets = nanoseconds(server, report).await?;
    // It has a runtime of its own.
    targets.extend(tokio::task::spawn_blocking(cache::measure).await??);
    report.title("The middleware of actix-web");
    targets.extend(middleware::measure(server, report, true).await?);
    report.title("The fleet");
    targets.extend(fleet::measure(server, &fleet::Settings::default(), report).await?);
    Ok(targets)
}

async fn throughput(
    tenants: &Tenants,
    limits: Limits,
    report: &Report,
) -> Result<Vec<Target>, BoxError> {
    let ways = [
        Way::Plain,
        Way::PlainWithoutPing,
        Way::ByHand,
        Way::ByHandHeld,
        Way::Ours,
        Way::SetLocal,
        Way::SearchPath,
    ];
    report.title(format!(
        "A row by its key, of {MANY} tenants, each as often"
    ));
    let load = Load::new(MANY, Popularity::Uniform, Shape::Read)?;
    let uniform = Compared::measure(tenants, limits, &ways, &load, plan(16)).await?;
    uniform.table(report);

    report.title(format!("The same of {MANY} tenants, by Zipf's law"));
    let load = Load::new(MANY, Popularity::Zipf, Shape::Read)?;
    let zipf =
        Compared::measure(tenants, limits, &[Way::Plain, Way::Ours], &load, plan(12)).await?;
    zipf.table(report);

    let to = |way| Ok::<_, BoxError>(uniform.rates(Way::Ours, way)?.median);
    let p99 = uniform.p99s(Way::Ours, Way::Plain)?.median;
    let zipf = zipf.rates(Way::Ours, Way::Plain)?.median;
    Ok(vec![
        Target::at_least("throughput_to_by_hand", to(Way::ByHand)?, 0.95),
        Target::at_least("throughput_to_plain", to(Way::Plain)?, 1.0),
        Target::at_least("throughput_to_set_local", to(Way::SetLocal)?, 3.0),
        Target::at_least("throughput_to_search_path", to(Way::SearchPath)?, 2.2),
        Target::at_most("p99_to_plain", p99, 0.8),
        Target::at_least("zipf_throughput_to_plain", zipf, 1.0),
    ])
}

async fn first_touches(
    tenants: &Tenants,
    limits: Limits,
    report: &Report,
) -> Result<Vec<Target>, BoxError> {
    report.title(format!(
        "The first request of each of {MANY} tenants, to a warm one of plain SeaORM"
    ));
    let ways = [Way::Ours, Way::ByHandHeld, Way::SharedPoolLargeCaches];
    let cold = cold::measure(tenants, limits, &ways, MANY, 5).await?;
    report.columns(&["", "requests/s", "ratio"]);
    for (way, rate, spread) in &cold {
        report.row(&[way.title().to_owned(), format!("{rate:.0}"), ratio(*spread)]);
    }
    let ours = cold.first().map_or(0.0, |(_, _, spread)| spread.median);
    Ok(vec![Target::at_least(
        "cold_throughput_to_plain",
        ours,
        0.4,
    )])
}

async fn memory(
    tenants: &Tenants,
    limits: Limits,
    report: &Report,
) -> Result<Vec<Target>, BoxError> {
    report.title("Memory of the server's processes, without what all of them share");
    report.columns(&["", "tenants", "before", "after", "growth"]);
    let everybody = tenants.count();
    let measure = async |way, count, each| {
        let footprint = footprint::measure(tenants, limits, way, count, each).await?;
        report.row(&[
            way.title().to_owned(),
            count.to_string(),
            megabytes(footprint.before),
            megabytes(footprint.after),
            megabytes(footprint.growth()),
        ]);
        Ok::<_, BoxError>(footprint.growth() as f64)
    };
    let shared = measure(Way::SharedPoolLargeCaches, MANY, 100).await?;
    let ours = measure(Way::Ours, MANY, 100).await?;
    let ours_of_everybody = measure(Way::Ours, everybody, 10).await?;
    let known = limits.connections as usize * limits.tenants_per_connection;
    let budget = limits.statements * BYTES_A_STATEMENT + known * BYTES_A_TENANT;
    report.say(format!(
        "\nThe budget is {} statements of {BYTES_A_STATEMENT} bytes, and {} tenants of \
         {BYTES_A_TENANT} bytes on each of {} connections.",
        limits.statements, limits.tenants_per_connection, limits.connections
    ));
    Ok(vec![
        Target::at_most("memory_to_shared_pool", ours / shared, 0.25),
        Target::at_most(
            "memory_of_all_tenants_mb",
            ours_of_everybody / 1e6,
            (budget as f64 / 1e6).round(),
        ),
    ])
}

async fn long_transactions(
    tenants: &Tenants,
    limits: Limits,
    report: &Report,
) -> Result<Vec<Target>, BoxError> {
    let settings = blocking::Settings {
        tenants: MANY,
        pause: Duration::from_millis(140),
        turns: 3,
        turn: Duration::from_secs(12),
    };
    report.title("One request in a hundred is a transaction of two seconds");
    let ways = [Way::Ours, Way::SharedPoolLargeCaches];
    let blocked = blocking::measure(tenants, limits, &ways, settings).await?;
    blocking::table(&blocked, report);
    let ratio = blocking::ratio(&blocked);
    Ok(vec![Target::at_most(
        "p99_beside_long_to_shared_pool",
        ratio,
        1.5,
    )])
}

/// Those of what is done for each request.
///
/// # Errors
///
/// The server's.
pub async fn nanoseconds(server: &Server, report: &Report) -> Result<Vec<Target>, BoxError> {
    report.title("Of the product itself");
    let (tenancy, id) = overheads::tenancy(server).await?;
    let measured = overheads::measure(&tenancy, &id)?;
    tenancy.close().await;
    report.columns(&["", "ns", "allocations"]);
    for one in &measured {
        report.row(&[
            one.what.to_owned(),
            format!("{:.0}", one.nanoseconds),
            format!("{:.1}", one.allocations),
        ]);
    }
    let [current, scope, connection, qualify] = measured;
    Ok(vec![
        Target::at_most("current_ns", current.nanoseconds, 20.0),
        Target::at_most("scope_ns", scope.nanoseconds, 60.0),
        Target::at_most("connection_ns", connection.nanoseconds, 400.0),
        Target::at_most("connection_allocations", connection.allocations, 3.0),
        Target::at_most("qualify_ns", qualify.nanoseconds, 150.0),
    ])
}
