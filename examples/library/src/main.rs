//! A lending library as a service.

mod catalogue;
mod entity;
mod libraries;
mod problem;
mod reminders;
mod request;
mod routes;
mod server;
mod settings;
mod setup;
mod tenants;

use std::{io, process::ExitCode, sync::Arc};

use clap::Parser as _;
use tokio::{sync::watch, task::JoinHandle};
use tracing_subscriber::EnvFilter;

use crate::{libraries::Libraries, settings::Settings};

/// Why the program ends, for people to read.
type Failure = Box<dyn std::error::Error>;

#[tokio::main]
#[allow(clippy::print_stderr, reason = "a program for the console")]
async fn main() -> ExitCode {
    match run(&Settings::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("library: {failure}");
            ExitCode::FAILURE
        }
    }
}

#[allow(
    clippy::print_stdout,
    reason = "whoever started it waits for this line"
)]
async fn run(settings: &Settings) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new("info,actix_server=warn,sqlx=warn"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();

    let known = tenants::known(settings, settings.databases()?)?;
    let libraries = Arc::new(Libraries::new(known.tenancy.clone(), known.directory).await?);
    libraries.all().await?;
    let welcoming = tokio::spawn(Arc::clone(&libraries).welcome(known.news));

    let (stop, stopped) = watch::channel(false);
    let reminding = tokio::spawn(reminders::run(libraries, settings.remind_every, stopped));

    let server = server::start(settings.listen, known.tenancy.clone())?;
    println!("serving http://{}", server.address());
    let served = server.until(asked_to_stop()).await;

    // In the order in which they need each other: nothing uses the databases when they close.
    stop.send_replace(true);
    ended("reminders", reminding).await;
    welcoming.abort();
    if let Some(follower) = known.follower {
        follower.abort();
    }
    known.tenancy.close().await;
    served
}

/// Waits for a task that was told to end.
async fn ended(what: &str, task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(%error, "{what} failed");
    }
}

#[cfg(unix)]
async fn asked_to_stop() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
