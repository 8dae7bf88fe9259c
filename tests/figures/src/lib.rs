//! How large the attacks are, and what they counted: shared by all tests that attack.
//!
//! `scripts/test` and `scripts/attack` name a file in `ATTACK_FIGURES`; each test adds its lines to
//! it, and the script adds up those of one name and prints them in the end.

use std::{env, fmt::Display, fs::OpenOptions, io::Write as _, time::Duration};

/// Whether this is the long form of the attacks: `ATTACK=long`, which `scripts/attack` sets.
#[must_use]
pub fn is_long() -> bool {
    env::var_os("ATTACK").is_some_and(|form| form == "long")
}

/// How much there is of something in the form that runs.
#[must_use]
pub fn sized<T>(short: T, long: T) -> T {
    if is_long() { long } else { short }
}

/// How long a fuzzer runs: two seconds beside the other tests, or what `FUZZ_SECONDS` says.
#[must_use]
pub fn fuzzing_time() -> Duration {
    let seconds = env::var("FUZZ_SECONDS").ok();
    Duration::from_secs(seconds.and_then(|text| text.parse().ok()).unwrap_or(2))
}

/// Takes down how much of something there was. Does nothing where no script collects figures.
///
/// # Panics
///
/// When the file that the script named cannot be written to.
#[allow(clippy::panic, reason = "for tests only")]
pub fn figure(name: &str, value: impl Display) {
    let Some(path) = env::var_os("ATTACK_FIGURES") else {
        return;
    };
    // One write at the end of the file: tests of several programs do so at once.
    let line = format!("{name} {value}\n");
    let mut file = OpenOptions::new().create(true).append(true).open(path);
    if let Err(error) = file.as_mut().map(|file| file.write_all(line.as_bytes())) {
        panic!("the figure {name} is lost: {error}");
    }
}
