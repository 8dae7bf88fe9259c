use std::{
    io::{self, IsTerminal as _},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use indicatif::{ProgressDrawTarget, ProgressState, ProgressStyle};

use super::console::Console;
use crate::{Outcome, TenantReport};

/// Tells how far work on many tenants is: a bar on a terminal, lines elsewhere. Those who were up to
/// date are counted, and not told of.
pub(super) struct Progress {
    console: Console,
    total: usize,
    done: AtomicUsize,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn begin(console: &Console, total: usize) -> Self {
        let is_terminal = io::stderr().is_terminal();
        if is_terminal && total > 0 {
            let bar = console.bar();
            bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
            bar.set_style(style());
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self {
            console: console.clone(),
            total,
            done: AtomicUsize::new(0),
            is_terminal,
        }
    }

    pub(super) fn tell(&self, tenant: &TenantReport) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let is_told = match &tenant.outcome {
            Outcome::Failed(_) => true,
            Outcome::Migrated(_) | Outcome::RoleGranted => !self.is_terminal,
            // They come all at once, and are counted in the report.
            Outcome::UpToDate | Outcome::Skipped(_) => false,
        };
        if is_told {
            let width = self.total.to_string().len();
            self.console.note(format_args!(
                "[{done:>width$}/{}] {}: {} ({:.1} s)",
                self.total,
                tenant.tenant,
                tenant.outcome,
                tenant.took.as_secs_f64(),
            ));
        }
        self.console.bar().inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.console.bar().finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    let template = "{bar:30} {pos}/{len} tenants, {rate}, {eta} left";
    let style = ProgressStyle::with_template(template);
    style.map_or_else(
        |_| ProgressStyle::default_bar(),
        |style| style.with_key("rate", rate),
    )
}

fn rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    // Writing to a text does not fail.
    let _ = write!(text, "{:.1}/s", state.per_sec());
}
