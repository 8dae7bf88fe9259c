//! Opening a database: what is set on every pool, and what on a kind of database.

use std::{fmt, sync::Arc, time::Duration};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend};

use super::{DatabaseUrl, Home};
use crate::{ConnectionInfo, SchemaName, TenantError};

/// How data sources are opened.
#[derive(Clone)]
pub(crate) struct SourceOptions {
    pub(crate) max_data_sources: usize,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) sqlite_busy_timeout: Duration,
    /// SQLite: the file of the shared tables, attached to every tenant's.
    pub(crate) attach: Option<DatabaseUrl>,
    pub(crate) configure: Option<Configure>,
    /// Where connections live.
    pub(crate) home: Home,
}

pub(crate) type Configure = Arc<dyn Fn(&mut ConnectOptions) + Send + Sync>;

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            max_data_sources: 64,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(8),
            idle_timeout: Duration::from_secs(600),
            sqlite_busy_timeout: Duration::from_secs(5),
            attach: None,
            configure: None,
            home: Home::default(),
        }
    }
}

impl SourceOptions {
    /// For one tenant's own work: on SQLite an unqualified name that the tenant lacks would reach
    /// the attached file otherwise, and a migration could drop what all share.
    fn without_shared_tables(&self) -> Self {
        Self {
            attach: None,
            ..self.clone()
        }
    }
}

impl fmt::Debug for SourceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceOptions")
            .field("max_data_sources", &self.max_data_sources)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("sqlite_busy_timeout", &self.sqlite_busy_timeout)
            .field("attach", &self.attach)
            .finish_non_exhaustive()
    }
}

/// Opens a pool for many.
pub(super) async fn connect(
    url: &DatabaseUrl,
    options: &SourceOptions,
) -> Result<DatabaseConnection, TenantError> {
    options
        .home
        .run(open(url, connect_options(url, options, None)))
        .await
}

/// Opens one connection for work that cannot be qualified: its search path, default database or
/// file is the tenant's. It belongs to the caller and is never shared.
pub(crate) async fn connect_dedicated(
    url: &DatabaseUrl,
    schema: &SchemaName,
    options: &SourceOptions,
) -> Result<DatabaseConnection, TenantError> {
    let url = match url.backend() {
        DbBackend::MySql => url.with_database(schema),
        _ => url.clone(),
    };
    // A startup parameter and not a `SET`: `RESET` comes back to it. Temporary tables are looked up
    // last: they outlive their user, and would hide the tenant's.
    let search_path = format!("{},pg_temp", schema.quoted(DbBackend::Postgres));
    one(&url, options, search_path).await
}

/// Opens one connection for work on many tenants. An unqualified name reaches no table on it: on
/// PostgreSQL because nothing is on its search path.
pub(crate) async fn connect_alone(
    url: &DatabaseUrl,
    options: &SourceOptions,
) -> Result<DatabaseConnection, TenantError> {
    one(url, options, "pg_temp".to_owned()).await
}

/// `search_path` is PostgreSQL's.
async fn one(
    url: &DatabaseUrl,
    options: &SourceOptions,
    search_path: String,
) -> Result<DatabaseConnection, TenantError> {
    let search_path = (url.backend() == DbBackend::Postgres).then_some(search_path);
    let mut connect = connect_options(url, &options.without_shared_tables(), search_path.clone());
    // Never reaped: another connection in its place would have lost what was set on it.
    connect
        .max_connections(1)
        .min_connections(0)
        .idle_timeout(None)
        .max_lifetime(None);
    if let Some(search_path) = search_path {
        // SeaORM sets what `configure` may have asked for after it has connected.
        connect.set_schema_search_path(search_path);
    }
    options.home.run(open(url, connect)).await
}

/// Creates a MySQL database, on a connection that has none.
pub(crate) async fn create_database(
    placed: &ConnectionInfo,
    options: &SourceOptions,
) -> Result<(), TenantError> {
    let url = placed.url().without_database();
    let mut connect = connect_options(&url, options, None);
    connect.max_connections(1);
    let server = open(&url, connect).await?;
    let schema = placed.schema().quoted(DbBackend::MySql);
    let created = server
        .execute_unprepared(&format!("CREATE DATABASE IF NOT EXISTS {schema}"))
        .await;
    server.close().await?;
    created?;
    Ok(())
}

/// Creates an SQLite file and the directories above it, if it is missing.
#[cfg(feature = "sqlx-sqlite")]
pub(crate) async fn create_file(
    url: &DatabaseUrl,
    options: &SourceOptions,
) -> Result<(), TenantError> {
    if let Some(directory) = url.file().as_deref().and_then(std::path::Path::parent) {
        std::fs::create_dir_all(directory).map_err(|error| {
            TenantError::Configuration(format!(
                "the directory {} cannot be created: {error}",
                directory.display()
            ))
        })?;
    }
    let mut connect = connect_options(url, &options.without_shared_tables(), None);
    connect
        .max_connections(1)
        .map_sqlx_sqlite_opts(|sqlite| sqlite.create_if_missing(true));
    let created = open(url, connect).await?;
    created.close().await?;
    Ok(())
}

/// Without its driver there is no file to create.
#[cfg(not(feature = "sqlx-sqlite"))]
pub(crate) async fn create_file(url: &DatabaseUrl, _: &SourceOptions) -> Result<(), TenantError> {
    Err(without(driver(url.backend()).0))
}

fn connect_options(
    url: &DatabaseUrl,
    options: &SourceOptions,
    search_path: Option<String>,
) -> ConnectOptions {
    let (url_without_password, password) = url.without_password();
    let mut connect = ConnectOptions::new(url_without_password);
    connect
        .max_connections(options.max_connections)
        .acquire_timeout(options.acquire_timeout)
        .connect_timeout(options.acquire_timeout)
        .idle_timeout(options.idle_timeout);
    if let Some(configure) = &options.configure {
        configure(&mut connect);
    }
    // The password goes to the driver beside the URL, which SeaORM writes into its trace spans.
    match (url.backend(), password) {
        #[cfg(feature = "sqlx-postgres")]
        (DbBackend::Postgres, password) => {
            connect.map_sqlx_postgres_opts(move |mut postgres| {
                if let Some(password) = &password {
                    postgres = postgres.password(secrecy::ExposeSecret::expose_secret(password));
                }
                if let Some(path) = &search_path {
                    postgres = postgres.options([("search_path", path)]);
                }
                postgres
            });
        }
        #[cfg(feature = "sqlx-mysql")]
        (DbBackend::MySql, Some(password)) => {
            connect.map_sqlx_mysql_opts(move |mysql| {
                mysql.password(secrecy::ExposeSecret::expose_secret(&password))
            });
        }
        #[cfg(feature = "sqlx-sqlite")]
        (DbBackend::Sqlite, _) => sqlite::configure(&mut connect, url, options),
        // Only without a driver, where nothing is opened.
        _ => drop(search_path),
    }
    connect
}

async fn open(
    url: &DatabaseUrl,
    connect: ConnectOptions,
) -> Result<DatabaseConnection, TenantError> {
    let (feature, enabled) = driver(url.backend());
    if !enabled {
        return Err(without(feature));
    }
    let opened = connect.get_url().to_owned();
    // Boxed: drivers nest their futures so deeply that callers would meet the compiler's limit.
    Box::pin(Database::connect(connect))
        .await
        .map_err(|error| TenantError::unavailable(url.backend(), error, &opened))
}

/// The feature that brings a driver in, and whether it is on.
fn driver(backend: DbBackend) -> (&'static str, bool) {
    match backend {
        DbBackend::Postgres => ("sqlx-postgres", cfg!(feature = "sqlx-postgres")),
        DbBackend::MySql => ("sqlx-mysql", cfg!(feature = "sqlx-mysql")),
        DbBackend::Sqlite => ("sqlx-sqlite", cfg!(feature = "sqlx-sqlite")),
        other => (other.as_str(), false),
    }
}

fn without(feature: &str) -> TenantError {
    TenantError::Configuration(format!(
        "sea-orm-tenant was built without the driver for this database; add its feature `{feature}`"
    ))
}

#[cfg(feature = "sqlx-sqlite")]
mod sqlite {
    use sea_orm::{
        ConnectOptions,
        sqlx::{self, sqlite::SqliteJournalMode},
    };

    use super::{DatabaseUrl, SourceOptions};

    /// Many readers beside one writer, who waits for his turn; references are checked; and the
    /// shared tables are there under their unqualified names.
    pub(super) fn configure(
        connect: &mut ConnectOptions,
        url: &DatabaseUrl,
        options: &SourceOptions,
    ) {
        let busy_timeout = options.sqlite_busy_timeout;
        connect.map_sqlx_sqlite_opts(move |sqlite| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .busy_timeout(busy_timeout)
                .foreign_keys(true)
        });
        let shared = options
            .attach
            .as_ref()
            .and_then(DatabaseUrl::file)
            .filter(|shared| url.file().as_ref() != Some(shared));
        if let Some(shared) = shared {
            let shared = shared.to_string_lossy().into_owned();
            connect.map_sqlx_sqlite_pool_opts(move |pool| {
                let shared = shared.clone();
                pool.after_connect(move |connection, _| {
                    let shared = shared.clone();
                    Box::pin(async move {
                        sqlx::query("ATTACH DATABASE ? AS shared")
                            .bind(shared)
                            .execute(connection)
                            .await?;
                        Ok(())
                    })
                })
            });
        }
    }
}
