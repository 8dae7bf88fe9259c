//! Requests a second and their latencies, of all contenders, under one load.

use std::time::Duration;

use crate::{
    BoxError,
    contenders::{Limits, Open, Way},
    load::Load,
    measure::{CLIENTS, Plan, Series, Spread, interleave, warm_up},
    report::{Report, ratio},
    tenants::Tenants,
};

/// What all of them did.
#[derive(Debug)]
pub struct Compared(Vec<(Way, Series)>);

impl Compared {
    /// Opens them, warms them up, has them take turns, and closes them.
    ///
    /// # Errors
    ///
    /// A request that fails.
    pub async fn measure(
        tenants: &Tenants,
        limits: Limits,
        ways: &[Way],
        load: &Load,
        plan: Plan,
    ) -> Result<Self, BoxError> {
        let mut open = Vec::new();
        for way in ways {
            open.push(way.open(tenants, limits).await?);
        }
        let contenders: Vec<(&Open, &Load)> = open.iter().map(|open| (open, load)).collect();
        warm_up(&contenders, warming(load, limits)).await?;
        let series = interleave(&contenders, plan).await?;
        for open in &open {
            open.contender.close().await;
        }
        Ok(Self(ways.iter().copied().zip(series).collect()))
    }

    /// # Errors
    ///
    /// When it was not among them.
    pub fn of(&self, way: Way) -> Result<&Series, BoxError> {
        let found = self.0.iter().find(|(of, _)| *of == way);
        Ok(&found.ok_or("this contender did not take part")?.1)
    }

    /// Of requests a second: how many times as many one had as another one.
    ///
    /// # Errors
    ///
    /// When one of them was not among them.
    pub fn rates(&self, way: Way, to: Way) -> Result<Spread, BoxError> {
        Ok(Spread::of_ratios(&self.of(way)?.rates, &self.of(to)?.rates))
    }

    /// Of the latencies that one in a hundred exceeds.
    ///
    /// # Errors
    ///
    /// When one of them was not among them.
    pub fn p99s(&self, way: Way, to: Way) -> Result<Spread, BoxError> {
        Ok(Spread::of_ratios(&self.of(way)?.p99, &self.of(to)?.p99))
    }

    /// As a table; ratios are to the first of them.
    pub fn table(&self, report: &Report) {
        report.columns(&["", "requests/s", "ratio", "p50", "p99", "p99, ratio"]);
        let Some((_, first)) = self.0.first() else {
            return;
        };
        for (way, series) in &self.0 {
            let milliseconds = |latencies: &[f64]| {
                format!(
                    "{:.2} ms",
                    Spread::of(latencies.iter().copied()).median / 1e3
                )
            };
            report.row(&[
                way.title().to_owned(),
                format!("{:.0}", Spread::of(series.rates.iter().copied()).median),
                ratio(Spread::of_ratios(&series.rates, &first.rates)),
                milliseconds(&series.p50),
                milliseconds(&series.p99),
                ratio(Spread::of_ratios(&series.p99, &first.p99)),
            ]);
        }
    }
}

/// Enough that every tenant has been on each of his connections, and no contender waits for ever.
fn warming(load: &Load, limits: Limits) -> usize {
    let statements = match load.shape {
        crate::load::Shape::Reads => usize::from(crate::library::READS),
        _ => 1,
    };
    let connections = limits.connections_per_tenant as usize;
    (4 * connections * statements * load.tenants).clamp(4_000, 200_000)
}

/// For most loads.
#[must_use]
pub fn plan(rounds: usize) -> Plan {
    Plan {
        clients: CLIENTS,
        rounds,
        turn: Duration::from_millis(500),
    }
}
