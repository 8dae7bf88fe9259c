//! Where the program's data is, looked at past the program.

use std::{path::Path, process::Command};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, Statement};
use serde_json::json;
use tempfile::TempDir;
use tenant_testkit::TestDatabase;

use crate::{catalogue::Record, program};

/// Data of one test's own.
pub enum Place {
    Files(TempDir),
    Postgres(TestDatabase),
    /// Beside it are databases whose names begin with its own.
    MySql(TestDatabase, TempDir),
}

impl Place {
    pub fn files() -> Self {
        Self::Files(tempfile::tempdir().unwrap())
    }

    pub async fn postgres() -> Self {
        Self::Postgres(TestDatabase::postgres().await.unwrap())
    }

    pub async fn mysql() -> Self {
        let database = TestDatabase::mariadb().await.unwrap();
        Self::MySql(database, tempfile::tempdir().unwrap())
    }

    /// The program, with its data here.
    pub fn command(&self) -> Command {
        let mut command = program::command();
        match self {
            Self::Files(directory) => {
                command.arg("--data").arg(directory.path());
            }
            Self::Postgres(_) => {
                command.env("DATABASE_URL", self.url());
            }
            Self::MySql(database, directory) => {
                // A schema is a database there, and its name is taken by whoever comes first: so the
                // same libraries, in databases of this test's own.
                let file = directory.path().join("libraries.json");
                std::fs::write(&file, libraries_in(database.name().unwrap())).unwrap();
                command.env("DATABASE_URL", self.url());
                command.arg("--tenants").arg(file);
            }
        }
        command
    }

    fn url(&self) -> &str {
        match self {
            Self::Files(_) => "",
            Self::Postgres(database) | Self::MySql(database, _) => database.url().expose(),
        }
    }

    /// One plain connection, and what stands before the names of the tenant's tables there.
    pub async fn open(&self, tenant: &str) -> (DatabaseConnection, String) {
        let (url, schema) = match self {
            Self::Files(directory) => {
                let file = format!("tenants/tenant_{tenant}.sqlite");
                let file = directory.path().join(file);
                (format!("sqlite://{}", file.display()), "main".to_owned())
            }
            Self::Postgres(_) => (self.url().to_owned(), format!("\"tenant_{tenant}\"")),
            Self::MySql(database, _) => {
                let prefix = database.name().unwrap();
                (self.url().to_owned(), format!("{prefix}_{}", under(tenant)))
            }
        };
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        let db = Database::connect(options).await.unwrap();
        if let Self::Files(directory) = self {
            let shared = directory.path().join("shared.sqlite");
            let attach = format!("ATTACH DATABASE '{}' AS shared", shared.display());
            db.execute_unprepared(&attach).await.unwrap();
        }
        (db, schema)
    }

    /// A library's books as the database has them.
    pub async fn books(&self, tenant: &str) -> Vec<Record> {
        let (db, schema) = self.open(tenant).await;
        let sql = format!(
            "SELECT b.title, a.name, a.born, b.year, b.language, g.label FROM {schema}.book b \
             JOIN {schema}.author a ON a.id = b.author_id JOIN genre g ON g.id = b.genre_id \
             ORDER BY b.id"
        );
        let select = Statement::from_string(db.get_database_backend(), sql);
        let rows = db.query_all_raw(select).await.unwrap();
        db.close().await.unwrap();
        let record = |row: sea_orm::QueryResult| Record {
            title: row.try_get_by_index(0).unwrap(),
            author: row.try_get_by_index(1).unwrap(),
            born: row.try_get_by_index(2).unwrap(),
            year: row.try_get_by_index(3).unwrap(),
            language: row.try_get_by_index(4).unwrap(),
            genre: row.try_get_by_index(5).unwrap(),
        };
        rows.into_iter().map(record).collect()
    }

    /// How many rows of a library's table are so.
    pub async fn count(&self, tenant: &str, table: &str, condition: &str) -> i64 {
        let (db, schema) = self.open(tenant).await;
        let sql = format!("SELECT COUNT(*) FROM {schema}.{table} WHERE {condition}");
        let select = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(select).await.unwrap().unwrap();
        db.close().await.unwrap();
        row.try_get_by_index(0).unwrap()
    }

    /// Does something to a library's tables; `{schema}` is where they are.
    pub async fn execute(&self, tenant: &str, sql: &str) {
        let (db, schema) = self.open(tenant).await;
        let sql = sql.replace("{schema}", &schema);
        db.execute_unprepared(&sql).await.unwrap();
        db.close().await.unwrap();
    }
}

/// The libraries that the example comes with, in schemas whose names begin with a prefix.
fn libraries_in(prefix: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("libraries.json");
    let json = std::fs::read_to_string(file).unwrap();
    let mut libraries: serde_json::Value = serde_json::from_str(&json).unwrap();
    for library in libraries["tenants"].as_array_mut().unwrap() {
        let id = library["id"].as_str().unwrap();
        let schema = format!("{prefix}_{}", under(id));
        library["connection"] = json!({ "schema": schema });
    }
    libraries.to_string()
}

fn under(tenant: &str) -> String {
    tenant.replace('-', "_")
}
