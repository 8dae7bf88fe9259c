use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::FutureExt as _;
use sea_orm::{
    ActiveValue::Set, ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection,
    DbBackend, EntityTrait as _, Schema,
};
use sea_orm_tenant::{
    DatabaseUrl, MemoryStore, SchemaName, Tenancy, TenancyBuilder, TenantConnection, TenantId,
};
use tempfile::TempDir;
use tenant_testkit::TestDatabase;

use super::entities::{author, book, book_tag, genre, review, tag};

/// What a planted row says. No tenant may ever read it.
pub const FOREIGN: &str = "NOT YOURS";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    Postgres,
    MySql,
    Sqlite,
}

/// Two tenants, `acme` and `globex`, in a database of the test's own.
///
/// Each has an empty copy of the library's tables. The default schema (`public`, the default
/// database, the attached file) has tables of the same names, full of [`FOREIGN`] rows; so has a
/// third tenant.
pub struct World {
    pub server: Server,
    pub acme: TenantId,
    pub globex: TenantId,
    /// The third tenant, full of foreign rows.
    pub planted: TenantId,
    pub store: Arc<MemoryStore>,
    pub tenancy: Tenancy,
    /// What tenants are placed in. On SQLite a directory.
    pub database: DatabaseUrl,
    /// Where the shared tables are.
    pub shared: DatabaseUrl,
    made: TestDatabase,
    directory: TempDir,
}

impl World {
    /// Makes a world, runs a test in it, and removes it whatever the test did.
    pub async fn run(server: Server, test: impl AsyncFnOnce(&World)) {
        let world = Self::new(server).await;
        let outcome = AssertUnwindSafe(test(&world)).catch_unwind().await;
        world.remove().await;
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }

    async fn new(server: Server) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        // MySQL's schemas are global to the server: names must be the test's own.
        let number = format!(
            "{}-{}",
            process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let made = server.database().await;
        let (database, shared) = (made.url().clone(), made.shared().clone());
        let id = |name: &str| TenantId::try_from(format!("{name}-{number}")).unwrap();
        let (acme, globex, planted) = (id("acme"), id("globex"), id("planted"));
        let store = Arc::new(MemoryStore::new());
        for tenant in [&acme, &globex, &planted] {
            store.add(tenant.clone(), &database).unwrap();
        }
        let mut world = Self {
            tenancy: Tenancy::builder()
                .store(store.clone())
                .shared_database(shared.clone())
                .build()
                .unwrap(),
            server,
            acme,
            globex,
            planted,
            store,
            database,
            shared,
            made,
            directory: tempfile::tempdir().unwrap(),
        };
        world.set_up().await;
        world.tenancy = world.tenancy().build().unwrap();
        world
    }

    async fn set_up(&self) {
        let shared = self.tenancy.shared().await.unwrap();
        let genres = Schema::new(self.server.backend()).create_table_from_entity(genre::Entity);
        shared.execute(&genres).await.unwrap();
        genre::Entity::insert_many([(1, "Fiction"), (2, "Travel")].map(|(id, label)| {
            genre::ActiveModel {
                id: Set(id),
                label: Set(label.into()),
            }
        }))
        .exec(&shared)
        .await
        .unwrap();

        let default = SchemaName::in_dedicated_database(&self.default_schema()).unwrap();
        let default = TenantConnection::new(shared, self.planted.clone(), default);
        make_tables(&default).await;
        plant(&default).await;
        for tenant in [&self.acme, &self.globex, &self.planted] {
            make_tables(&self.tenancy.create_schema(tenant).await.unwrap()).await;
        }
        plant(&self.tenancy.for_tenant(&self.planted).await.unwrap()).await;
        self.tenancy.close().await;
    }

    /// A builder with the world's store and databases, for a tenancy with other settings.
    pub fn tenancy(&self) -> TenancyBuilder {
        Tenancy::builder()
            .store(self.store.clone())
            .shared_database(self.shared.clone())
    }

    pub async fn acme(&self) -> TenantConnection {
        self.tenancy.for_tenant(&self.acme).await.unwrap()
    }

    pub async fn globex(&self) -> TenantConnection {
        self.tenancy.for_tenant(&self.globex).await.unwrap()
    }

    /// A connection whose statements are written down as they reach the driver, on a pool of its
    /// own with at most `connections`.
    pub async fn recorded(
        &self,
        tenant: &TenantId,
        connections: u32,
    ) -> (TenantConnection<DatabaseConnection>, Recording) {
        let (database, schema, recording) = self.recorded_database(tenant, connections).await;
        (
            TenantConnection::new(database, tenant.clone(), schema),
            recording,
        )
    }

    /// As [`recorded`](Self::recorded), before the tenant is bound: plain SeaORM.
    pub async fn recorded_database(
        &self,
        tenant: &TenantId,
        connections: u32,
    ) -> (DatabaseConnection, SchemaName, Recording) {
        use sea_orm_tenant::TenantStore as _;
        let placed = self.store.connection(tenant).await.unwrap();
        let mut options = plain(placed.url());
        options.max_connections(connections);
        if self.server == Server::Sqlite {
            self.attach_shared(&mut options);
        }
        let mut database = Database::connect(options).await.unwrap();
        let recording = Recording::default();
        let statements = recording.statements.clone();
        database.set_metric_callback(move |info| {
            statements.lock().unwrap().push(info.statement.sql.clone());
        });
        (database, placed.schema().clone(), recording)
    }

    /// Makes the shared tables visible, as a data source of a tenancy does.
    fn attach_shared(&self, options: &mut ConnectOptions) {
        let attach = format!(
            "ATTACH DATABASE '{}' AS shared",
            self.path().join("shared.sqlite").display()
        );
        options.map_sqlx_sqlite_pool_opts(move |pool| {
            let attach = attach.clone();
            pool.after_connect(move |connection, _| {
                let attach = attach.clone();
                Box::pin(async move {
                    let attach = sea_orm::sqlx::AssertSqlSafe(attach);
                    sea_orm::sqlx::raw_sql(attach).execute(connection).await?;
                    Ok(())
                })
            })
        });
    }

    /// The schema that a tenant's `$tenant` becomes, quoted for SQL.
    pub fn quoted_schema(&self, tenant: &TenantId) -> String {
        match self.server {
            Server::Sqlite => "\"main\"".to_owned(),
            _ => SchemaName::for_tenant(tenant).quoted(self.server.backend()),
        }
    }

    /// The schema of unqualified names on a plain connection to [`World::shared`].
    pub fn default_schema(&self) -> String {
        self.made.default_schema().to_owned()
    }

    /// For files of the test's own. On SQLite the databases are there.
    pub fn path(&self) -> &std::path::Path {
        self.made
            .directory()
            .unwrap_or_else(|| self.directory.path())
    }

    async fn remove(self) {
        self.tenancy.close().await;
        if self.server == Server::MySql {
            // Databases beside the test's own, which their tables refer to.
            for tenant in self.store.ids() {
                let schema = SchemaName::for_tenant(&tenant);
                let drop = format!("DROP DATABASE IF EXISTS `{schema}`");
                execute(&self.database, &drop).await;
            }
        }
    }
}

impl Server {
    pub fn backend(self) -> DbBackend {
        match self {
            Self::Postgres => DbBackend::Postgres,
            Self::MySql => DbBackend::MySql,
            Self::Sqlite => DbBackend::Sqlite,
        }
    }

    /// A database of its own for a test. A missing server is a failure, never a skipped test.
    pub async fn database(self) -> TestDatabase {
        let made = match self {
            Self::Postgres => TestDatabase::postgres().await,
            Self::MySql => TestDatabase::mariadb().await,
            Self::Sqlite => TestDatabase::sqlite(),
        };
        made.unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn quote(self, name: &str) -> String {
        match self {
            Self::MySql => format!("`{name}`"),
            _ => format!("\"{name}\""),
        }
    }
}

/// The SQL that reached a driver, in order.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    statements: Arc<Mutex<Vec<String>>>,
}

impl Recording {
    /// What was recorded since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.statements.lock().unwrap())
    }
}

/// A pool past the tenancy, which reaps no connections: the driver's task for that may spin for ever
/// when a connection is taken while it counts them (sqlx 0.9).
pub fn plain(url: &DatabaseUrl) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose());
    options.idle_timeout(None).max_lifetime(None);
    options
}

async fn execute(url: &DatabaseUrl, sql: &str) {
    let mut options = plain(url);
    options.max_connections(1);
    let database = Database::connect(options).await.unwrap();
    let outcome = database.execute_unprepared(sql).await;
    database.close().await.unwrap();
    outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

async fn make_tables(db: &TenantConnection) {
    // In an order in which tables come before those they refer to.
    db.get_schema_builder()
        .register(book_tag::Entity)
        .register(review::Entity)
        .register(book::Entity)
        .register(tag::Entity)
        .register(author::Entity)
        .apply(db)
        .await
        .unwrap();
}

async fn plant(db: &TenantConnection) {
    // Ids that tenants' own rows have too, so that a wrong schema finds rows.
    for id in 1..=3 {
        let text = || Set(format!("{FOREIGN} {id}"));
        let author = author::ActiveModel {
            id: Set(id),
            name: text(),
            mentor_id: Set((id > 1).then_some(id - 1)),
        };
        author::Entity::insert(author).exec(db).await.unwrap();
        let book = book::ActiveModel {
            id: Set(id),
            title: text(),
            author_id: Set(id),
            row: Set(Some(id)),
            place: Set(Some(id)),
            genre_id: Set(Some(1)),
        };
        book::Entity::insert(book).exec(db).await.unwrap();
        let review = review::ActiveModel {
            id: Set(id),
            book_id: Set(id),
            mood: Set(review::Mood::Sad),
            text: text(),
        };
        review::Entity::insert(review).exec(db).await.unwrap();
        let tag = tag::ActiveModel {
            id: Set(id),
            word: text(),
        };
        tag::Entity::insert(tag).exec(db).await.unwrap();
        let link = book_tag::ActiveModel {
            book_id: Set(id),
            tag_id: Set(id),
        };
        book_tag::Entity::insert(link).exec(db).await.unwrap();
    }
}
