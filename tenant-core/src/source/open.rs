//! Opening a database: what is set on every pool, and what on a kind of database.

#[cfg(feature = "sqlx-sqlite")]
mod sqlite;

use std::{fmt, sync::Arc, time::Duration};

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend};

use super::{
    Address, DatabaseUrl, Home, Names,
    lanes::{Cut, LaneConnection},
};
use crate::{DatabaseRoles, SchemaName, TenantError};

/// How data sources are opened.
#[derive(Clone)]
pub(crate) struct SourceOptions {
    pub(crate) max_data_sources: usize,
    pub(crate) max_connections: u32,
    /// A share of the connections, unless it is said.
    pub(crate) connections_per_tenant: Option<usize>,
    pub(crate) max_waiting_per_tenant: usize,
    pub(crate) acquire_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_lifetime: Duration,
    /// Of all connections of a data source together.
    pub(crate) prepared_statements: usize,
    pub(crate) tenants_per_connection: usize,
    pub(crate) sqlite_busy_timeout: Duration,
    /// SQLite: the file of the shared tables, attached to every tenant's.
    pub(crate) attach: Option<DatabaseUrl>,
    /// Whether a name without a schema means nothing on tenants' connections.
    pub(crate) is_strict: bool,
    /// Whether tenants have limits, which are set on a connection for who uses it.
    pub(crate) has_limits: bool,
    /// The roles of tenants, which are set on a connection for who uses it.
    pub(crate) roles: Option<DatabaseRoles>,
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
            connections_per_tenant: None,
            max_waiting_per_tenant: 256,
            acquire_timeout: Duration::from_secs(8),
            idle_timeout: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(1800),
            prepared_statements: 8192,
            tenants_per_connection: 1000,
            sqlite_busy_timeout: Duration::from_secs(5),
            attach: None,
            is_strict: false,
            has_limits: false,
            roles: None,
            configure: None,
            home: Home::default(),
        }
    }
}

impl SourceOptions {
    /// On how many connections a tenant's statements may run in a database that others share.
    pub(super) fn connections_of_one(&self) -> usize {
        let all = self.max_connections as usize;
        let share = all.div_ceil(4).max(2);
        self.connections_per_tenant.unwrap_or(share).min(all)
    }

    /// How many prepared statements a connection keeps, unless the URL says: none, where a pooler
    /// gives each transaction another server connection.
    fn statements_per_connection(&self, url: &DatabaseUrl) -> Option<usize> {
        let share = self.prepared_statements / self.max_connections.max(1) as usize;
        (!url.has_parameter("statement-cache-capacity")).then_some(share.max(1))
    }

    /// For one tenant's own work: on SQLite an unqualified name that the tenant lacks would reach
    /// the attached file otherwise, and a migration could drop what all share.
    pub(super) fn without_shared_tables(&self) -> Self {
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
            .field("connections_per_tenant", &self.connections_of_one())
            .field("max_waiting_per_tenant", &self.max_waiting_per_tenant)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("max_lifetime", &self.max_lifetime)
            .field("prepared_statements", &self.prepared_statements)
            .field("tenants_per_connection", &self.tenants_per_connection)
            .field("sqlite_busy_timeout", &self.sqlite_busy_timeout)
            .field("attach", &self.attach)
            .field("is_strict", &self.is_strict)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// Connects a lane.
pub(super) async fn connect(
    address: &Address,
    options: &SourceOptions,
) -> Result<LaneConnection, TenantError> {
    connect_lane(address, options, false).await
}

/// A lane that connects when it is used.
pub(super) async fn connect_lazily(
    address: &Address,
    options: &SourceOptions,
) -> Result<LaneConnection, TenantError> {
    connect_lane(address, options, true).await
}

async fn connect_lane(
    address: &Address,
    options: &SourceOptions,
    is_lazy: bool,
) -> Result<LaneConnection, TenantError> {
    let cut = Cut::default();
    let mut connect = lane_options(address, options, &cut);
    connect.connect_lazy(is_lazy);
    let trusted_for = trusted_for(&connect);
    let database = options.home.run(open(&address.url, connect)).await?;
    Ok(LaneConnection::new(
        database,
        cut,
        trusted_for,
        options.acquire_timeout.min(SIGN_OF_LIFE),
    ))
}

/// A pool of one, whose connection is closed when something on it was cut off, where that matters.
fn lane_options(address: &Address, options: &SourceOptions, cut: &Cut) -> ConnectOptions {
    let url = &address.url;
    let mut connect = match (address.names, url.backend()) {
        (Names::Shared, _) => connect_options(url, options, None),
        (Names::Nothing, DbBackend::MySql) => {
            connect_options(&url.without_database(), options, None)
        }
        (Names::Nothing, DbBackend::Sqlite) => {
            connect_options(url, &options.without_shared_tables(), None)
        }
        (Names::Nothing, _) => {
            let mut connect = connect_options(url, options, Some(NOTHING.to_owned()));
            // SeaORM sets what `configure` may have asked for after it has connected.
            connect.set_schema_search_path(NOTHING);
            connect
        }
    };
    connect.max_connections(1);
    #[cfg(feature = "sqlx-mysql")]
    {
        let cut = cut.clone();
        connect.map_sqlx_mysql_pool_opts(move |pool| {
            let cut = cut.clone();
            pool.after_release(move |_, _| {
                let is_whole = !cut.take();
                Box::pin(async move { Ok(is_whole) })
            })
        });
    }
    #[cfg(not(feature = "sqlx-mysql"))]
    let _ = cut;
    connect
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
    one(url, options, NOTHING.to_owned()).await
}

/// The search path that leads nowhere: but for the system's own, only a connection's temporary tables
/// are found.
const NOTHING: &str = "pg_temp";

/// `search_path` is PostgreSQL's.
async fn one(
    url: &DatabaseUrl,
    options: &SourceOptions,
    search_path: String,
) -> Result<DatabaseConnection, TenantError> {
    let search_path = (url.backend() == DbBackend::Postgres).then_some(search_path);
    let mut connect = connect_options(url, &options.without_shared_tables(), search_path.clone());
    connect.max_connections(1);
    if let Some(search_path) = search_path {
        // SeaORM sets what `configure` may have asked for after it has connected.
        connect.set_schema_search_path(search_path);
    }
    options.home.run(open(url, connect)).await
}

pub(super) fn connect_options(
    url: &DatabaseUrl,
    options: &SourceOptions,
    search_path: Option<String>,
) -> ConnectOptions {
    let (url_without_password, password) = url.without_password();
    let mut connect = ConnectOptions::new(url_without_password);
    connect
        .acquire_timeout(options.acquire_timeout)
        .connect_timeout(options.acquire_timeout)
        .test_before_acquire_if_idle_for(TRUSTED_FOR);
    if let Some(configure) = &options.configure {
        configure(&mut connect);
    }
    // Not by the driver's own means: the task that looks after a pool counts its idle connections, may
    // meet a count below zero, and then looks for ever. Lanes look after themselves; and who has one
    // connection alone would find another in its place, without what was set on it.
    connect
        .min_connections(0)
        .idle_timeout(None)
        .max_lifetime(None);
    let statements = options.statements_per_connection(url);
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
                if let Some(statements) = statements {
                    postgres = postgres.statement_cache_capacity(statements);
                }
                postgres
            });
        }
        #[cfg(feature = "sqlx-mysql")]
        (DbBackend::MySql, password) => {
            connect.map_sqlx_mysql_opts(move |mut mysql| {
                if let Some(password) = &password {
                    mysql = mysql.password(secrecy::ExposeSecret::expose_secret(password));
                }
                if let Some(statements) = statements {
                    mysql = mysql.statement_cache_capacity(statements);
                }
                mysql
            });
        }
        #[cfg(feature = "sqlx-sqlite")]
        (DbBackend::Sqlite, _) => sqlite::configure(&mut connect, url, options),
        // Only without a driver, where nothing is opened.
        _ => drop((search_path, statements)),
    }
    connect
}

/// A connection that was used a moment ago is not asked whether it is still there: that would double
/// the time of each statement.
const TRUSTED_FOR: Duration = Duration::from_millis(500);

/// How long a sign of life may take.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// The same for a connection that is held: [`TRUSTED_FOR`], unless `configure` wanted it otherwise.
fn trusted_for(connect: &ConnectOptions) -> Duration {
    match connect.get_test_before_acquire_if_idle_for() {
        Some(idle) => idle,
        None if connect.get_test_before_acquire() => Duration::ZERO,
        None => Duration::MAX,
    }
}

pub(super) async fn open(
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
pub(super) fn driver(backend: DbBackend) -> (&'static str, bool) {
    match backend {
        DbBackend::Postgres => ("sqlx-postgres", cfg!(feature = "sqlx-postgres")),
        DbBackend::MySql => ("sqlx-mysql", cfg!(feature = "sqlx-mysql")),
        DbBackend::Sqlite => ("sqlx-sqlite", cfg!(feature = "sqlx-sqlite")),
        other => (other.as_str(), false),
    }
}

pub(super) fn without(feature: &str) -> TenantError {
    TenantError::Configuration(format!(
        "sea-orm-tenant was built without the driver for this database; add its feature `{feature}`"
    ))
}
