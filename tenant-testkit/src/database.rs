use std::{
    path::Path,
    process,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DbBackend, DbErr, Statement};
use tenant_core::{ConnectionInfo, DatabaseUrl, SchemaName, TenantError, TenantId};

use crate::{Sqlite, TestkitError, shared::Shared};

/// A database for one test, on the server that the tests of this process have in common.
///
/// It is removed when this is dropped, also by a test that panics, whoever is still connected.
///
/// The server is started when it is first asked for. `TEST_POSTGRES_URL` and `TEST_MYSQL_URL` name
/// one that is there already: its user must be one who may make databases. Under
/// [nextest](https://nexte.st), which runs each test in a process, all of a run have one server.
///
/// ```no_run
/// # async fn test() -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::{MemoryStore, Tenancy, TenantId};
/// use tenant_testkit::TestDatabase;
///
/// let database = TestDatabase::postgres().await?;
/// let acme: TenantId = "acme".parse()?;
/// let store = MemoryStore::new();
/// store.insert(
///     tenant_core::TenantInfo::active(acme.clone()),
///     database.place(&acme)?,
/// )?;
/// let tenancy = Tenancy::builder().store(store).build()?;
/// let db = tenancy.create_schema(&acme).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the database is removed when this is dropped"]
pub struct TestDatabase {
    inner: Inner,
    /// Where tenants are placed.
    url: DatabaseUrl,
}

#[derive(Debug)]
enum Inner {
    /// A database on a server.
    OnServer { server: DatabaseUrl, name: String },
    /// Files in a directory.
    Files(Sqlite),
}

impl TestDatabase {
    /// On PostgreSQL.
    ///
    /// # Errors
    ///
    /// [`TestkitError`], when there is no server or it makes no database.
    pub async fn postgres() -> Result<Self, TestkitError> {
        Self::on_server(Shared::Postgres).await
    }

    /// On MariaDB, or MySQL where that is what is installed. There a schema is a database: those of
    /// the test's tenants are named by [`place`](Self::place), and are removed, too.
    ///
    /// # Errors
    ///
    /// [`TestkitError`], when there is no server or it makes no database.
    pub async fn mariadb() -> Result<Self, TestkitError> {
        Self::on_server(Shared::MariaDb).await
    }

    /// On SQLite: a directory for tenants' files.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Io`].
    pub fn sqlite() -> Result<Self, TestkitError> {
        let files = Sqlite::new()?;
        Ok(Self {
            url: files.url().clone(),
            inner: Inner::Files(files),
        })
    }

    async fn on_server(shared: Shared) -> Result<Self, TestkitError> {
        let server = tokio::task::spawn_blocking(move || shared.url())
            .await
            .map_err(|panic| TestkitError::Io {
                doing: "start a server".to_owned(),
                source: panic.into(),
            })??;
        let name = unused_name();
        let making = || format!("make the database {name}");
        let quoted = quoted(server.backend(), &name);
        execute(&server, &[format!("CREATE DATABASE {quoted}")])
            .await
            .map_err(TestkitError::database(making()))?;
        let mut url = url::Url::parse(server.expose())
            .map_err(|_| TenantError::Configuration("the server's URL is not a URL".to_owned()))?;
        url.set_path(&name);
        Ok(Self {
            url: DatabaseUrl::new(url.to_string())?,
            inner: Inner::OnServer { server, name },
        })
    }

    /// Where tenants are placed. On SQLite a directory.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Where tables are that tenants share. On PostgreSQL and MariaDB the same database.
    #[must_use]
    pub fn shared(&self) -> &DatabaseUrl {
        match &self.inner {
            Inner::OnServer { .. } => &self.url,
            Inner::Files(files) => files.shared(),
        }
    }

    /// The kind of database.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.url.backend()
    }

    /// The database's name on its server; nothing on SQLite.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.inner {
            Inner::OnServer { name, .. } => Some(name),
            Inner::Files(_) => None,
        }
    }

    /// The directory of the files, on SQLite: tenants' are in `tenants`.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match &self.inner {
            Inner::OnServer { .. } => None,
            Inner::Files(files) => Some(files.directory()),
        }
    }

    /// The schema that unqualified names are in, on a connection to [`shared`](Self::shared).
    #[must_use]
    pub fn default_schema(&self) -> &str {
        match (&self.inner, self.backend()) {
            (Inner::OnServer { name, .. }, DbBackend::MySql) => name,
            (Inner::OnServer { .. }, _) => "public",
            (Inner::Files(_), _) => "main",
        }
    }

    /// A schema for a tenant, with a name that is no other test's: on MariaDB schemas of all tests
    /// are beside each other.
    ///
    /// # Errors
    ///
    /// [`TenantError`] for an id that is too long to be part of a schema's name on MariaDB: there are
    /// 30 bytes for it.
    pub fn place(&self, tenant: &TenantId) -> Result<ConnectionInfo, TenantError> {
        match (&self.inner, self.backend()) {
            (Inner::OnServer { name, .. }, DbBackend::MySql) => {
                let schema: SchemaName = format!("{name}_{tenant}").parse()?;
                Ok(ConnectionInfo::shared_in(&self.url, schema))
            }
            _ => Ok(ConnectionInfo::shared(&self.url, tenant)),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Inner::OnServer { server, name } = &self.inner else {
            return;
        };
        let (server, name) = (server.clone(), name.clone());
        // On a thread of its own: who drops this may be in a runtime, or in none.
        let removing = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            if let Ok(runtime) = runtime {
                // A server that a test has stopped has no databases to remove.
                let _gone = runtime.block_on(remove(&server, &name));
            }
        });
        let _panicked = removing.join();
    }
}

async fn remove(server: &DatabaseUrl, name: &str) -> Result<(), DbErr> {
    if server.backend() == DbBackend::Postgres {
        let drop = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
        return execute(server, &[drop]).await;
    }
    let db = Database::connect(plain(server)).await?;
    let ask = async |sql: String| {
        db.query_all_raw(Statement::from_string(DbBackend::MySql, sql))
            .await
    };
    let is_of = |column: &str| {
        let prefix = name.len() + 1;
        format!("({column} = '{name}' OR LEFT({column}, {prefix}) = '{name}_')")
    };
    // A transaction that somebody has not ended would hold its tables for hours.
    let connected = format!(
        "SELECT CAST(id AS SIGNED) AS id FROM information_schema.processlist WHERE {}",
        is_of("db")
    );
    for row in ask(connected).await? {
        let id: i64 = row.try_get("", "id")?;
        // It may have ended meanwhile.
        let _gone = db.execute_unprepared(&format!("KILL {id}")).await;
    }
    // The tenants' come first in this order, and refer to the test's own.
    let databases = format!(
        "SELECT schema_name AS name FROM information_schema.schemata WHERE {} \
         ORDER BY LENGTH(schema_name) DESC",
        is_of("schema_name")
    );
    for row in ask(databases).await? {
        let name: String = row.try_get("", "name")?;
        db.execute_unprepared(&format!("DROP DATABASE IF EXISTS `{name}`"))
            .await?;
    }
    db.close().await
}

async fn execute(url: &DatabaseUrl, statements: &[String]) -> Result<(), DbErr> {
    let db = Database::connect(plain(url)).await?;
    for statement in statements {
        db.execute_unprepared(statement).await?;
    }
    db.close().await
}

/// One connection, without the driver's task that reaps idle ones.
pub(crate) fn plain(url: &DatabaseUrl) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose());
    options
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .sqlx_logging(false);
    options
}

fn quoted(backend: DbBackend, name: &str) -> String {
    match backend {
        DbBackend::MySql => format!("`{name}`"),
        _ => format!("\"{name}\""),
    }
}

/// Short, since on MariaDB tenants' schemas begin with it. Not the process id alone: it may be that of
/// a process before, which was killed.
fn unused_name() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    format!(
        "test{}_{}_{:06x}",
        process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed),
        fastrand::u32(..1 << 24),
    )
}
