//! What is printed, and kept for the record.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
};

use crate::{BoxError, measure::Spread};

/// Prints as it goes, and remembers.
#[derive(Debug, Default)]
pub struct Report {
    text: Mutex<String>,
}

impl Report {
    /// One line.
    #[allow(clippy::print_stdout, reason = "it reports")]
    pub fn say(&self, line: impl Display) {
        println!("{line}");
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&format!("{line}\n"));
    }

    /// A headline.
    pub fn title(&self, title: impl Display) {
        self.say(format!("\n## {title}\n"));
    }

    /// The first lines of a table.
    pub fn columns(&self, names: &[&str]) {
        self.say(format!("| {} |", names.join(" | ")));
        self.say(format!("|{}", "---|".repeat(names.len())));
    }

    /// A line of a table.
    pub fn row(&self, cells: &[String]) {
        self.say(format!("| {} |", cells.join(" | ")));
    }

    /// Puts all that was said into `RESULTS.md`.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn write(&self) -> Result<(), BoxError> {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md");
        Ok(std::fs::write(
            file,
            format!("# Results\n\nWritten by the program itself.\n\n{text}"),
        )?)
    }
}

/// A ratio and its spread.
#[must_use]
pub fn ratio(spread: Spread) -> String {
    let Spread {
        median,
        least,
        most,
    } = spread;
    format!("{median:.2} ({least:.2} to {most:.2})")
}

/// What a value has to be.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A value, and what it has to be.
#[derive(Clone, Debug)]
pub struct Target {
    pub name: &'static str,
    pub value: f64,
    pub bound: Bound,
}

impl Target {
    #[must_use]
    pub fn at_least(name: &'static str, value: f64, bound: f64) -> Self {
        let bound = Bound::AtLeast(bound);
        Self { name, value, bound }
    }

    #[must_use]
    pub fn at_most(name: &'static str, value: f64, bound: f64) -> Self {
        let bound = Bound::AtMost(bound);
        Self { name, value, bound }
    }

    #[must_use]
    pub fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.value >= bound,
            Bound::AtMost(bound) => self.value <= bound,
        }
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, value, bound } = self;
        let (Bound::AtLeast(bound) | Bound::AtMost(bound)) = bound;
        let verdict = if self.is_met() { "ok" } else { "short" };
        if bound.abs() < 10.0 {
            write!(f, "target {name} {value:.3} {bound} {verdict}")
        } else {
            write!(f, "target {name} {value:.0} {bound} {verdict}")
        }
    }
}

/// Prints them all, and says whether all are met.
pub fn verdict(report: &Report, targets: &[Target]) -> bool {
    for target in targets {
        report.say(target);
    }
    targets.iter().all(Target::is_met)
}
