//! Contenders take turns, so that what else the machine does falls on all of them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::task::JoinSet;

use crate::{
    BoxError,
    contenders::{Contender, Open},
    load::Load,
};

/// How often, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Who ask, one request after the other.
    pub clients: usize,
    /// In each, every contender has a turn.
    pub rounds: usize,
    pub turn: Duration,
}

/// What one contender did in all of its turns.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Requests a second, by round.
    pub rates: Vec<f64>,
    /// Microseconds, by round.
    pub p50: Vec<f64>,
    pub p99: Vec<f64>,
}

/// The one in the middle, and the outermost.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    /// Of these.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).copied().unwrap_or(f64::NAN);
        let (middle, last) = (values.len() / 2, values.len().saturating_sub(1));
        let median = match values.len() % 2 {
            0 if middle > 0 => f64::midpoint(at(middle - 1), at(middle)),
            _ => at(middle),
        };
        Self {
            median,
            least: at(0),
            most: at(last),
        }
    }

    /// Of one series, in multiples of another one, round by round.
    #[must_use]
    pub fn of_ratios(values: &[f64], to: &[f64]) -> Self {
        Self::of(values.iter().zip(to).map(|(value, to)| value / to))
    }
}

/// Runs all of them in turns; in each round another one begins.
///
/// # Errors
///
/// A request that fails ends the measurement.
pub async fn interleave(
    contenders: &[(&Open, &Load)],
    plan: Plan,
) -> Result<Vec<Series>, BoxError> {
    let mut all = vec![Series::default(); contenders.len()];
    for round in 0..plan.rounds {
        for place in 0..contenders.len() {
            let place = (place + round) % contenders.len();
            let (open, load) = contenders[place];
            let turn = turn(&open.contender, load, plan.clients, plan.turn, round as u64);
            let turn = turn
                .await
                .map_err(|error| format!("{}: {error}", open.way.title()))?;
            let series = &mut all[place];
            series.rates.push(turn.rate);
            series
                .p50
                .push(turn.latencies.value_at_quantile(0.5) as f64);
            series
                .p99
                .push(turn.latencies.value_at_quantile(0.99) as f64);
        }
    }
    Ok(all)
}

/// Touches what will be measured until it is warm.
///
/// # Errors
///
/// A request that fails.
pub async fn warm_up(contenders: &[(&Open, &Load)], requests: usize) -> Result<(), BoxError> {
    for (open, load) in contenders {
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let contender = Arc::clone(&open.contender);
            let load = (*load).clone();
            clients.spawn(async move {
                let mut random = SmallRng::seed_from_u64(client as u64);
                for _ in 0..requests / CLIENTS {
                    contender.answer(load.next(&mut random)).await?;
                }
                Ok::<_, BoxError>(())
            });
        }
        while let Some(client) = clients.join_next().await {
            client?.map_err(|error| format!("{}: {error}", open.way.title()))?;
        }
    }
    Ok(())
}

/// Everywhere.
pub const CLIENTS: usize = 16;

struct Turn {
    rate: f64,
    /// Microseconds.
    latencies: Histogram<u64>,
}

/// All contenders get the same requests in the same round.
async fn turn(
    contender: &Arc<dyn Contender>,
    load: &Load,
    clients: usize,
    length: Duration,
    seed: u64,
) -> Result<Turn, BoxError> {
    let mut running = JoinSet::new();
    let begun = Instant::now();
    for client in 0..clients {
        let contender = Arc::clone(contender);
        let load = load.clone();
        let mut random = SmallRng::seed_from_u64(seed << 32 | client as u64);
        running.spawn(async move {
            let mut latencies = histogram()?;
            let mut now = begun;
            while now.duration_since(begun) < length {
                contender.answer(load.next(&mut random)).await?;
                let answered = Instant::now();
                latencies.saturating_record(answered.duration_since(now).as_micros() as u64);
                now = answered;
            }
            Ok::<_, BoxError>(latencies)
        });
    }
    let mut latencies = histogram()?;
    while let Some(client) = running.join_next().await {
        latencies.add(client??)?;
    }
    Ok(Turn {
        rate: latencies.len() as f64 / begun.elapsed().as_secs_f64(),
        latencies,
    })
}

/// Up to a minute, to three digits.
pub fn histogram() -> Result<Histogram<u64>, BoxError> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}
