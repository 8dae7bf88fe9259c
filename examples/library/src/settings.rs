//! What the program is told, by flags or by the environment.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser;
use sea_orm::DbBackend;
use sea_orm_tenant::DatabaseUrl;
use secrecy::{ExposeSecret as _, SecretString};

use crate::Failure;

/// A lending library as a service: each library is a tenant, with a schema of its own.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Settings {
    /// Where to listen; port 0 takes any that is free.
    #[arg(long, env = "LIBRARY_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The PostgreSQL or MySQL database of all libraries; SQLite files, unless told.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<SecretString>,
    /// Where the SQLite files are.
    #[arg(
        long,
        value_name = "DIR",
        env = "LIBRARY_DATA",
        default_value = "library-data"
    )]
    data: PathBuf,
    /// The libraries; those of the example, unless told.
    #[arg(
        long,
        value_name = "FILE",
        env = "LIBRARY_TENANTS",
        conflicts_with = "tenant_service_url"
    )]
    pub tenants: Option<PathBuf>,
    /// The tenant management service, which knows the libraries then.
    #[arg(long, env = "TENANT_SERVICE_URL", requires = "tenant_service_token")]
    pub tenant_service_url: Option<String>,
    /// The token for it, with the scopes `tenants:read` and `connections:read`.
    #[arg(long, env = "TENANT_SERVICE_TOKEN", hide_env_values = true)]
    pub tenant_service_token: Option<SecretString>,
    /// How often to look for loans that are overdue.
    #[arg(long, value_name = "TIME", env = "LIBRARY_REMIND_EVERY", default_value = "1m", value_parser = duration)]
    pub remind_every: Duration,
}

/// Where the tables are.
pub struct Databases {
    /// Of libraries whose entry names no database of their own.
    pub tenants: DatabaseUrl,
    /// With the tables that all share.
    pub shared: DatabaseUrl,
}

impl Settings {
    /// The databases. Makes the directory of the SQLite files where it is missing.
    pub fn databases(&self) -> Result<Databases, Failure> {
        match &self.database_url {
            Some(url) => on_a_server(url.expose_secret()),
            None => in_files(&self.data),
        }
    }
}

/// One database is both: each library has a schema in it, and what all share is beside them.
fn on_a_server(url: &str) -> Result<Databases, Failure> {
    let url = DatabaseUrl::new(url)?;
    if url.backend() == DbBackend::Sqlite {
        return Err(
            "DATABASE_URL is for PostgreSQL and MySQL; say where SQLite files are with --data"
                .into(),
        );
    }
    Ok(Databases {
        tenants: url.clone(),
        shared: url,
    })
}

fn in_files(data: &Path) -> Result<Databases, Failure> {
    fs::create_dir_all(data)
        .map_err(|error| format!("the directory {}: {error}", data.display()))?;
    let shared = DatabaseUrl::sqlite(data.join("shared.sqlite"))?;
    Ok(Databases {
        tenants: DatabaseUrl::sqlite(data.join("tenants"))?,
        // Only the file that all share is made when it is missing. A library's is made by
        // `Tenancy::create_schema` alone.
        shared: DatabaseUrl::new(format!("{}?mode=rwc", shared.expose()))?,
    })
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("that is no time at all".to_owned()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(format!("{error}; write 200ms, 30s or 1h")),
    }
}
