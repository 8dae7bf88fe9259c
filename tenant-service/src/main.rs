//! The tenant management service.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the console"
)]

mod key_file;

use std::{io, net::SocketAddr, path::Path, process::ExitCode};

use clap::{Parser, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};
use tenant_core::{DatabaseUrl, UrlKeys};
use tenant_service::{Service, ServiceBuilder};
use tracing_subscriber::EnvFilter;

/// The SQLite file of a service that is told no database.
const FILE: &str = "tenant-service.sqlite";

/// The tenant management service: tenants, their status and their databases over HTTP.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Serve, which is what is done unless told.
    Serve(Serve),
    /// Print a new key for TENANT_SERVICE_KEYS.
    GenerateKey,
    /// Encrypt anew, with the first key, what another key encrypted: the last step of a change of
    /// keys, before the old one is taken away.
    Reseal(Stored),
}

/// What the service keeps, and what it is sealed with.
#[derive(clap::Args)]
struct Stored {
    /// The service's own database; the SQLite file tenant-service.sqlite, unless told.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<SecretString>,
    /// The keys that tenants' URLs are sealed with, in Base64, with commas in between.
    #[arg(long, env = "TENANT_SERVICE_KEYS", hide_env_values = true)]
    keys: Option<SecretString>,
}

#[derive(clap::Args)]
struct Serve {
    /// Where to listen.
    #[arg(long, env = "TENANT_SERVICE_LISTEN", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,
    #[command(flatten)]
    stored: Stored,
    /// The administrator's token; a new one at each start, unless told.
    #[arg(long, env = "TENANT_SERVICE_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<SecretString>,
    /// Where tenants go whose request names no database.
    #[arg(long, env = "TENANT_DATABASE_URL", hide_env_values = true)]
    tenant_database_url: Option<SecretString>,
}

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> ExitCode {
    match told(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("tenant-service: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn told(arguments: Arguments) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env().or_else(|_| EnvFilter::try_new("info"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    match arguments.command {
        Some(Command::GenerateKey) => {
            println!(
                "{}",
                UrlKeys::generate()?
                    .expose_first_as_base64()
                    .expose_secret()
            );
            Ok(())
        }
        Some(Command::Reseal(stored)) => {
            let resealed = builder(&stored, key_file::kept)?.reseal().await?;
            println!("resealed       {resealed}");
            Ok(())
        }
        Some(Command::Serve(serve)) => run(serve).await,
        None => run(arguments.serve).await,
    }
}

async fn run(serve: Serve) -> Result<(), Failure> {
    let mut builder = builder(&serve.stored, key_file::kept_or_made)?.listen(serve.listen);
    if let Some(url) = &serve.tenant_database_url {
        builder = builder.tenant_database(DatabaseUrl::new(url.expose_secret())?);
    }
    let made = serve.admin_token.is_none();
    if let Some(token) = serve.admin_token {
        builder = builder.admin_token(token);
    }
    let service = builder.start().await?;
    println!("serving        {}", service.url());
    println!("documentation  {}/docs/", service.url());
    if made {
        println!("admin token    {}", service.expose_admin_token());
    }
    asked_to_stop().await?;
    println!("stopping");
    service.stop().await;
    Ok(())
}

/// A service with that database and those keys. `key` reads the file that the key is in, where none
/// is told.
fn builder(
    stored: &Stored,
    key: fn(&Path) -> Result<UrlKeys, Failure>,
) -> Result<ServiceBuilder, Failure> {
    let database = match &stored.database_url {
        Some(url) => DatabaseUrl::new(url.expose_secret())?,
        None => DatabaseUrl::new(format!("{}?mode=rwc", DatabaseUrl::sqlite(FILE)?.expose()))?,
    };
    let keys = match &stored.keys {
        Some(keys) => UrlKeys::parse(keys.expose_secret())?,
        None if stored.database_url.is_none() => key(Path::new(&format!("{FILE}.key")))?,
        None => {
            return Err("TENANT_SERVICE_KEYS is missing: make a key with `tenant-service generate-key`, and keep it".into());
        }
    };
    Ok(Service::builder(database, keys))
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
