use std::time::Duration;

use tenant_core::{Changes, DatabaseStore, Revision, TenantError};
use tokio::sync::{Notify, watch};

use crate::metrics::Metrics;

/// Tells event streams that there is something to read. What it is, each reads for itself: a slow
/// stream lags, and holds nothing in memory.
#[derive(Debug)]
pub(crate) struct Feed {
    latest: watch::Sender<Revision>,
    wrote: Notify,
}

/// How often the store is asked, for what other processes wrote.
const POLL: Duration = Duration::from_millis(200);
/// How many changes are read at once.
pub(crate) const BATCH: u64 = 256;

impl Feed {
    pub(crate) fn new(latest: Revision) -> Self {
        Self {
            latest: watch::Sender::new(latest),
            wrote: Notify::new(),
        }
    }

    /// This process changed something.
    pub(crate) fn wrote(&self) {
        self.wrote.notify_one();
    }

    /// Changes when there is something to read.
    pub(crate) fn follow(&self) -> watch::Receiver<Revision> {
        self.latest.subscribe()
    }

    /// Asks the store again and again. Never ends.
    pub(crate) async fn run(&self, store: &DatabaseStore, metrics: &Metrics) {
        let mut failing = false;
        loop {
            match self.look(store, metrics).await {
                Ok(true) => continue,
                Ok(false) => failing = false,
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "changes cannot be read");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = self.wrote.notified() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Whether there may be more.
    async fn look(&self, store: &DatabaseStore, metrics: &Metrics) -> Result<bool, TenantError> {
        let seen = *self.latest.borrow();
        let (latest, more) = match store.changes_after(seen, BATCH).await? {
            Changes::Since(changes) => {
                for change in &changes {
                    metrics.changed(change.kind.as_str());
                }
                let more = changes.len() as u64 >= BATCH;
                (changes.last().map_or(seen, |change| change.revision), more)
            }
            Changes::Missed { latest } => (latest, false),
            // Whatever else there may be to say is no list of them.
            _ => (store.revision().await?, false),
        };
        if latest != seen {
            self.latest.send_replace(latest);
        }
        Ok(more)
    }
}
