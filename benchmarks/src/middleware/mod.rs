//! What the middleware costs a request.
//!
//! Four servers in this process, of one worker each, two of them with the middleware. Clients on
//! keep-alive connections send to one without and to one with it, in short turns, so that what the
//! machine does meanwhile falls on both. The ratio is that of all turns together; its spread is that
//! of their tenths.
//!
//! The target is for a handler that reads one row of PostgreSQL by its key from SeaORM's own pool, the
//! same with and without. One that answers from memory shows the most that the middleware can cost,
//! and one that has its connection from `TenantDb` what the whole product costs an application that
//! had SeaORM's pool.

mod application;
mod clients;

use std::net::SocketAddr;

use self::clients::Clients;
use crate::{
    BoxError,
    report::{Report, Target},
    server::Server,
};

/// Of turns. The first tenth warms up.
const PAIRS: usize = 220;
const TENTHS: usize = 11;
/// Requests per second with the middleware, to those without.
const TARGET: f64 = 0.97;
const NAME: &str = "middleware_benchmark";

/// Measures the handler that has the target, or all three.
///
/// # Errors
///
/// The server's, and an answer that is none.
pub async fn measure(
    server: &Server,
    report: &Report,
    only_target: bool,
) -> Result<Vec<Target>, BoxError> {
    let database = server.create_database(NAME).await?;
    let tenancy = application::tenancy(database.as_str()).await?;
    let pool = application::pool(database.as_str()).await?;
    let [first, second, third, fourth] = application::serve(&tenancy, &pool).await?;
    report.columns(&[
        "handler",
        "requests/s without",
        "with the middleware",
        "ratio",
        "of tenths",
    ]);
    let compare = |name, without, with| {
        let compared = Compared {
            without: ([first, fourth], without),
            with: ([second, third], with),
        };
        async move { compared.run(report, name).await }
    };
    let ratio = compare("reads a row", "/row", "/row").await?;
    if !only_target {
        compare("answers from memory", "/memory", "/memory").await?;
        compare("reads a row through `TenantDb`", "/row", "/tenants-row").await?;
    }
    pool.close().await?;
    tenancy.close().await;
    server.drop_database(NAME).await?;
    Ok(vec![Target::at_least("actix_ratio", ratio, TARGET)])
}

/// Servers, and what is asked of them.
struct Compared {
    without: ([SocketAddr; 2], &'static str),
    with: ([SocketAddr; 2], &'static str),
}

impl Compared {
    /// Prints a row, and returns the ratio.
    async fn run(&self, report: &Report, name: &str) -> Result<f64, BoxError> {
        let mut without = Clients::of_both(self.without).await?;
        let mut with = Clients::of_both(self.with).await?;
        let mut tenths = Vec::new();
        for tenth in 0..TENTHS {
            let mut sums = (0.0, 0.0);
            for pair in 0..PAIRS / TENTHS {
                let server = pair / 2 % 2;
                if pair % 2 == 0 {
                    sums.0 += without[server].turn().await?;
                    sums.1 += with[server].turn().await?;
                } else {
                    sums.1 += with[server].turn().await?;
                    sums.0 += without[server].turn().await?;
                }
            }
            if tenth > 0 {
                tenths.push(sums);
            }
        }
        let turns = (PAIRS / TENTHS * tenths.len()) as f64;
        let sum = |of: fn(&(f64, f64)) -> f64| tenths.iter().map(of).sum::<f64>() / turns;
        let (without, with) = (sum(|tenth| tenth.0), sum(|tenth| tenth.1));
        let ratios = tenths.iter().map(|tenth| tenth.1 / tenth.0);
        let (least, most) = ratios.fold((f64::MAX, 0.0), |(least, most): (f64, f64), ratio| {
            (least.min(ratio), most.max(ratio))
        });
        let ratio = with / without;
        report.say(format!(
            "| {name} | {without:.0} | {with:.0} | {ratio:.3} | {least:.3} to {most:.3} |"
        ));
        Ok(ratio)
    }
}
