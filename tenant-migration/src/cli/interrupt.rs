use super::console::Console;
use crate::Stop;

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Makes Ctrl-C and SIGTERM ask to stop, as long as this lives. The second one ends the program at
/// once, which does no harm: the next run goes on from there.
pub(super) struct Interruptible(tokio::task::JoinHandle<()>);

impl Interruptible {
    pub(super) fn new(console: &Console, stop: &Stop) -> Self {
        let (console, stop) = (console.clone(), stop.clone());
        Self(tokio::spawn(async move {
            signal().await;
            stop.request();
            console.note(
                "stopping: tenants under way are finished, no other one is begun; once more ends it at once",
            );
            signal().await;
            std::process::exit(INTERRUPTED);
        }))
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            interrupted = tokio::signal::ctrl_c() => heard(interrupted).await,
            _ = terminate.recv() => {}
        },
        Err(_) => heard(tokio::signal::ctrl_c().await).await,
    }
}

#[cfg(not(unix))]
async fn signal() {
    heard(tokio::signal::ctrl_c().await).await;
}

/// Where signals cannot be heard, none has come.
async fn heard(signal: std::io::Result<()>) {
    if signal.is_err() {
        std::future::pending::<()>().await;
    }
}
