use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::task::AbortHandle;

use super::Lanes;

/// Closes connections that are unused for too long. Ends with this.
pub(super) struct Reaper(AbortHandle);

impl Reaper {
    /// Begins, where there is a runtime to do so in.
    pub(super) fn start(lanes: &Arc<Lanes>) -> Option<Self> {
        let runtime = lanes.options.home.runtime()?;
        let reaping = runtime.spawn(reap(Arc::downgrade(lanes), lanes.options.idle_timeout));
        Some(Self(reaping.abort_handle()))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn reap(lanes: Weak<Lanes>, timeout: Duration) {
    // A connection is closed no later than after one and a half of its time.
    let between = (timeout / 2).max(Duration::from_millis(10));
    loop {
        tokio::time::sleep(between).await;
        match lanes.upgrade() {
            Some(lanes) => lanes.close_unused(timeout),
            None => return,
        }
    }
}
