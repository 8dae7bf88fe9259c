//! What the programs of this room have in common: how they report.

#![allow(clippy::print_stdout, reason = "it reports")]

use std::time::Duration;

/// What goes wrong ends a measurement.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Prints whether a value is at most as large as it should be, and returns it.
pub fn target(name: &str, value: f64, bound: f64) -> bool {
    let is_met = value <= bound;
    let verdict = if is_met { "ok" } else { "short" };
    let value = if bound < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    };
    println!("target {name} {value} {bound} {verdict}");
    is_met
}

/// The one in the middle.
#[must_use]
pub fn median(mut durations: Vec<Duration>) -> Duration {
    durations.sort_unstable();
    durations
        .get(durations.len() / 2)
        .copied()
        .unwrap_or_default()
}

/// For a table.
#[must_use]
pub fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}
