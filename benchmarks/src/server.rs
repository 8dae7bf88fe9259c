//! The PostgreSQL that is measured: one that keeps what it commits.

use sea_orm::sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tenant_testkit::Postgres;
use url::Url;

use crate::BoxError;

/// What may matter to the figures; `report` says what they are.
const TOLD: [&str; 8] = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "shared_buffers",
    "max_connections",
    "max_locks_per_transaction",
    "max_wal_size",
    "checkpoint_timeout",
];

/// What a server of ours is started with, beside waiting for its disk.
const SETTINGS: [(&str, &str); 4] = [
    // The catalogue of 10,000 schemas.
    ("shared_buffers", "512MB"),
    // Schemas are made many in a transaction.
    ("max_locks_per_transaction", "512"),
    // No checkpoint in the middle of a turn.
    ("max_wal_size", "8GB"),
    ("checkpoint_timeout", "1h"),
];

/// A server.
#[derive(Debug)]
pub struct Server {
    url: String,
    /// It ends with this, where it is ours.
    _own: Option<Postgres>,
}

impl Server {
    /// The one that `TEST_POSTGRES_URL` says, or one that is started.
    ///
    /// # Errors
    ///
    /// When none can be started, or when it commits without waiting for its disk.
    pub async fn find() -> Result<Self, BoxError> {
        let server = match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) => Self { url, _own: None },
            Err(_) => {
                let mut builder = Postgres::builder().durable();
                for (name, value) in SETTINGS {
                    builder = builder.setting(name, value);
                }
                let own = builder.start()?;
                Self {
                    url: own.url().expose().to_owned(),
                    _own: Some(own),
                }
            }
        };
        for setting in ["fsync", "synchronous_commit"] {
            if server.setting(setting).await? != "on" {
                return Err(
                    "the server of TEST_POSTGRES_URL commits without waiting for its disk, which \
                     hides what is measured"
                        .into(),
                );
            }
        }
        Ok(server)
    }

    /// Its version and settings, for a report.
    ///
    /// # Errors
    ///
    /// The server's.
    pub async fn described(&self) -> Result<String, BoxError> {
        let mut described = Vec::new();
        for name in TOLD {
            described.push(format!("{name} {}", self.setting(name).await?));
        }
        Ok(described.join(", "))
    }

    /// The URL of one of its databases.
    ///
    /// # Errors
    ///
    /// When the server's own URL is none.
    pub fn database(&self, name: &str) -> Result<Url, BoxError> {
        let mut url = Url::parse(&self.url)?;
        url.set_path(name);
        Ok(url)
    }

    /// An empty database, whatever was there before.
    ///
    /// # Errors
    ///
    /// The server's.
    pub async fn create_database(&self, name: &str) -> Result<Url, BoxError> {
        self.drop_database(name).await?;
        self.execute(format!("CREATE DATABASE {name}")).await?;
        self.database(name)
    }

    /// # Errors
    ///
    /// The server's.
    pub async fn drop_database(&self, name: &str) -> Result<(), BoxError> {
        self.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
    }

    /// # Errors
    ///
    /// The server's.
    pub async fn setting(&self, name: &str) -> Result<String, BoxError> {
        let mut db = self.connect().await?;
        let show = AssertSqlSafe(format!("SHOW {name}"));
        let value = db.fetch_one(show).await?.try_get(0)?;
        db.close().await?;
        Ok(value)
    }

    /// # Errors
    ///
    /// The server's.
    pub async fn execute(&self, statement: String) -> Result<(), BoxError> {
        let mut db = self.connect().await?;
        db.execute(AssertSqlSafe(statement)).await?;
        Ok(db.close().await?)
    }

    /// A connection that is no contender's.
    ///
    /// # Errors
    ///
    /// The server's.
    pub async fn connect(&self) -> Result<PgConnection, BoxError> {
        Ok(PgConnection::connect(&self.url).await?)
    }
}
