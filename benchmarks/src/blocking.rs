//! Whether a long transaction holds up those who happen to use the same connection.
//!
//! One request in a hundred is a transaction of two seconds. Sixteen clients that asked without a
//! pause would soon all be inside of one, and eight connections taken: what is measured then is the
//! lack of connections. So clients pause between requests, at random, such that two of the eight
//! connections are taken by long transactions on average.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rand::{SeedableRng as _, rngs::SmallRng};
use rand_distr::{Distribution as _, Exp1};
use tokio::task::JoinSet;

use crate::{
    BoxError,
    contenders::{Limits, Open, Way},
    library::What,
    load::{LONG, Load, Popularity, Shape},
    measure::{CLIENTS, histogram, warm_up},
    report::Report,
    tenants::Tenants,
};

/// Of the other requests, the milliseconds that one in a hundred exceeds.
#[derive(Debug)]
pub struct Blocked {
    pub way: Way,
    pub p50: f64,
    pub p99: f64,
    pub requests: u64,
    /// How many long transactions there were at a time, on average.
    pub long: f64,
}

/// Who asks, how often and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub tenants: usize,
    /// Of a client between two requests, on average.
    pub pause: Duration,
    pub turns: usize,
    pub turn: Duration,
}

/// Of all turns together, since the slow ones are few.
///
/// # Errors
///
/// A request that fails.
pub async fn measure(
    tenants: &Tenants,
    limits: Limits,
    ways: &[Way],
    settings: Settings,
) -> Result<Vec<Blocked>, BoxError> {
    let Settings {
        tenants: count,
        pause,
        turns,
        turn,
    } = settings;
    let load = Load::new(count, Popularity::Uniform, Shape::OneInAHundredLong)?;
    let short = Load::new(count, Popularity::Uniform, Shape::Read)?;
    let mut all = Vec::new();
    for way in ways {
        let open = way.open(tenants, limits).await?;
        warm_up(&[(&open, &short)], 4 * count).await?;
        all.push((open, histogram()?, 0));
    }
    for round in 0..turns {
        for (open, latencies, long) in &mut all {
            let (of_turn, of_long) = one(open, &load, pause, turn, round as u64).await?;
            latencies.add(of_turn)?;
            *long += of_long;
        }
    }
    let mut blocked = Vec::new();
    for (open, latencies, long) in all {
        open.contender.close().await;
        let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1e3;
        blocked.push(Blocked {
            way: open.way,
            p50: at(0.5),
            p99: at(0.99),
            requests: latencies.len(),
            long: f64::from(long) * LONG.as_secs_f64() / (turn.as_secs_f64() * turns as f64),
        });
    }
    Ok(blocked)
}

/// The latencies of the short requests, and the number of long ones.
async fn one(
    open: &Open,
    load: &Load,
    pause: Duration,
    turn: Duration,
    seed: u64,
) -> Result<(Histogram<u64>, u32), BoxError> {
    let mut clients = JoinSet::new();
    let begun = Instant::now();
    for client in 0..CLIENTS {
        let (contender, load) = (Arc::clone(&open.contender), load.clone());
        let mut random = SmallRng::seed_from_u64(seed << 32 | client as u64);
        clients.spawn(async move {
            let (mut latencies, mut long) = (histogram()?, 0);
            while begun.elapsed() < turn {
                let waits: f64 = Exp1.sample(&mut random);
                tokio::time::sleep(pause.mul_f64(waits)).await;
                let request = load.next(&mut random);
                let asked = Instant::now();
                contender.answer(request).await?;
                match request.what {
                    What::Long(_) => long += 1,
                    _ => latencies.saturating_record(asked.elapsed().as_micros() as u64),
                }
            }
            Ok::<_, BoxError>((latencies, long))
        });
    }
    let (mut latencies, mut long) = (histogram()?, 0);
    while let Some(client) = clients.join_next().await {
        let (of_client, long_ones) = client??;
        latencies.add(of_client)?;
        long += long_ones;
    }
    Ok((latencies, long))
}

/// As a table.
pub fn table(blocked: &[Blocked], report: &Report) {
    report.columns(&["", "short requests", "long ones at a time", "p50", "p99"]);
    for one in blocked {
        report.row(&[
            one.way.title().to_owned(),
            one.requests.to_string(),
            format!("{:.1}", one.long),
            format!("{:.1} ms", one.p50),
            format!("{:.1} ms", one.p99),
        ]);
    }
}

/// Of the first of them, in multiples of the second.
#[must_use]
pub fn ratio(blocked: &[Blocked]) -> f64 {
    match blocked {
        [first, second, ..] => first.p99 / second.p99,
        _ => f64::NAN,
    }
}
