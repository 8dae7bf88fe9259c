//! The tenant management service.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the console"
)]

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use secrecy::{ExposeSecret as _, SecretString};
use tenant_core::{DatabaseUrl, UrlKeys};
use tenant_service::{Service, Settings};
use tracing_subscriber::EnvFilter;

/// The SQLite file of a service that is told no database.
const FILE: &str = "tenant-service.sqlite";

/// The tenant management service: tenants, their status and their databases over HTTP.
#[derive(Parser)]
#[command(version)]
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
    Reseal(Serve),
}

#[derive(clap::Args)]
struct Serve {
    /// Where to listen.
    #[arg(long, env = "TENANT_SERVICE_LISTEN", default_value = "127.0.0.1:8088")]
    listen: SocketAddr,
    /// The service's own database; the SQLite file tenant-service.sqlite, unless told.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<SecretString>,
    /// The keys that tenants' URLs are sealed with, in Base64, with commas in between.
    #[arg(long, env = "TENANT_SERVICE_KEYS", hide_env_values = true)]
    keys: Option<SecretString>,
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
        Some(Command::Reseal(serve)) => {
            let resealed = settings(&serve)?.reseal().await?;
            println!("resealed       {resealed}");
            Ok(())
        }
        Some(Command::Serve(serve)) => run(serve).await,
        None => run(arguments.serve).await,
    }
}

async fn run(serve: Serve) -> Result<(), Failure> {
    let mut settings = settings(&serve)?;
    if let Some(url) = &serve.tenant_database_url {
        settings = settings.tenant_database(DatabaseUrl::new(url.expose_secret())?);
    }
    let made = serve.admin_token.is_none();
    if let Some(token) = serve.admin_token {
        settings = settings.admin_token(token);
    }
    let service = settings.start().await?;
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

/// Of the database and its keys.
fn settings(serve: &Serve) -> Result<Settings, Failure> {
    let database = match &serve.database_url {
        Some(url) => DatabaseUrl::new(url.expose_secret())?,
        None => DatabaseUrl::new(format!("{}?mode=rwc", DatabaseUrl::sqlite(FILE)?.expose()))?,
    };
    let keys = match &serve.keys {
        Some(keys) => UrlKeys::parse(keys.expose_secret())?,
        None if serve.database_url.is_none() => kept_keys(Path::new(&format!("{FILE}.key")))?,
        None => {
            return Err("TENANT_SERVICE_KEYS is missing: make a key with `tenant-service generate-key`, and keep it".into());
        }
    };
    Ok(Service::builder(database, keys).listen(serve.listen))
}

/// The key in the file, which is made where there is none.
fn kept_keys(path: &Path) -> Result<UrlKeys, Failure> {
    if path.exists() {
        return Ok(UrlKeys::parse(fs::read_to_string(path)?.trim())?);
    }
    let keys = UrlKeys::generate()?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(keys.expose_first_as_base64().expose_secret().as_bytes())?;
    file.sync_all()?;
    println!(
        "made a key     {}: without it, tenants' databases cannot be read",
        path.display()
    );
    Ok(keys)
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
