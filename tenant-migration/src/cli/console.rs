//! What is written to whom.

use std::{
    fmt::Display,
    io::{self, BufRead as _, IsTerminal as _, Write},
};

use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::{arguments::Global, failure::Failure};

/// Results go to the standard output, everything else to the standard error.
#[derive(Clone)]
pub(super) struct Console {
    json: bool,
    yes: bool,
    /// Hidden, unless there is something to wait for.
    bar: ProgressBar,
}

impl Console {
    pub(super) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            yes: global.yes,
            bar: ProgressBar::hidden(),
        }
    }

    pub(super) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// A result: the document with `--json`, and the text without.
    pub(super) fn result(&self, document: &impl Serialize, text: impl FnOnce() -> String) {
        let text = match self.json {
            true => serde_json::to_string_pretty(document).unwrap_or_else(|error| {
                let error = error.to_string();
                json!({ "error": error }).to_string()
            }),
            false => text(),
        };
        if text.is_empty() {
            return;
        }
        // Whoever does not read on, as `head`, wants no more.
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// Something on the way.
    pub(super) fn note(&self, text: impl Display) {
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr(), "{text}");
        });
    }

    pub(super) fn fail(&self, failure: &Failure) {
        self.note(format_args!("error: {failure}"));
        if self.json {
            self.result(&json!({ "error": failure.to_string() }), String::new);
        }
    }

    /// Refuses what needs consent where nobody can be asked for it.
    pub(super) fn expect_somebody_to_ask(&self, what: &str) -> Result<(), Failure> {
        if self.yes || io::stdin().is_terminal() {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "`{what}` takes something away, and there is no terminal to ask on: say --yes if it is meant"
        )))
    }

    /// Asks whether it is meant.
    pub(super) fn confirm(&self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let mut answer = String::new();
        let asked = write!(io::stderr(), "{question} [y/N] ")
            .and_then(|()| io::stderr().flush())
            .and_then(|()| io::stdin().lock().read_line(&mut answer));
        match (asked, answer.trim().to_ascii_lowercase().as_str()) {
            (Ok(_), "y" | "yes") => Ok(()),
            _ => Err(Failure::refused("nothing was changed")),
        }
    }

    /// Logs, as `RUST_LOG` says, unless the program has set up its own.
    pub(super) fn install_logs(&self, verbose: bool) {
        // Which tenants failed is in the report.
        let default = match verbose {
            true => "info,tenant_migration=debug,sqlx=warn",
            false => "warn,tenant_migration::fleet=error",
        };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
        let bar = self.bar.clone();
        let _ = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(move || Above(bar.clone()))
            .try_init();
    }
}

/// The standard error, above the progress bar.
struct Above(ProgressBar);

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
