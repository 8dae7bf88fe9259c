//! A database of this benchmark's own on a server that keeps what it commits.

use std::time::{Duration, Instant};

use benchmarks::{BoxError, median};
use sea_orm::sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tenant_testkit::Postgres;
use url::Url;

const NAME: &str = "fleet_benchmark";

pub struct Server {
    url: String,
    /// It ends with this benchmark, where it is its own.
    _own: Option<Postgres>,
}

impl Server {
    /// The one that `TEST_POSTGRES_URL` says, or one that is started for this.
    pub async fn find() -> Result<Self, BoxError> {
        let server = match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) => Self { url, _own: None },
            Err(_) => {
                let own = Postgres::builder().durable().start()?;
                Self {
                    url: own.url().expose().to_owned(),
                    _own: Some(own),
                }
            }
        };
        if server.setting("fsync").await? != "on"
            || server.setting("synchronous_commit").await? != "on"
        {
            return Err(
                "the server of TEST_POSTGRES_URL commits without waiting for its disk, which hides \
                 what is measured"
                    .into(),
            );
        }
        Ok(server)
    }

    /// An empty database, and its URL. Commits are held up for so many milliseconds there.
    pub async fn create_database(&self, commit: u32) -> Result<String, BoxError> {
        self.drop_database().await?;
        self.execute(format!("CREATE DATABASE {NAME}")).await?;
        if commit > 0 {
            // It waits before it writes, whether others commit or not.
            for (setting, value) in [("commit_delay", commit * 1_000), ("commit_siblings", 0)] {
                self.execute(format!("ALTER DATABASE {NAME} SET {setting} = {value}"))
                    .await?;
            }
        }
        let mut url = Url::parse(&self.url)?;
        url.set_path(NAME);
        Ok(url.into())
    }

    pub async fn drop_database(&self) -> Result<(), BoxError> {
        let drop = format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)");
        self.execute(drop).await
    }

    /// How many transactions were committed in that database.
    pub async fn commit_count(&self) -> Result<i64, BoxError> {
        let select = format!("SELECT xact_commit FROM pg_stat_database WHERE datname = '{NAME}'");
        let mut db = PgConnection::connect(&self.url).await?;
        let commits = db.fetch_one(AssertSqlSafe(select)).await?.try_get(0)?;
        db.close().await?;
        Ok(commits)
    }

    pub async fn setting(&self, name: &str) -> Result<String, BoxError> {
        let mut db = PgConnection::connect(&self.url).await?;
        let show = AssertSqlSafe(format!("SHOW {name}"));
        let value = db.fetch_one(show).await?.try_get(0)?;
        db.close().await?;
        Ok(value)
    }

    async fn execute(&self, statement: String) -> Result<(), BoxError> {
        let mut db = PgConnection::connect(&self.url).await?;
        db.execute(AssertSqlSafe(statement)).await?;
        Ok(db.close().await?)
    }
}

/// How long one takes that writes a row: the median of many.
pub async fn commit(url: &str) -> Result<Duration, BoxError> {
    let mut db = PgConnection::connect(url).await?;
    db.execute("CREATE TABLE one (number integer)").await?;
    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        db.execute("INSERT INTO one VALUES (1)").await?;
        took.push(begun.elapsed());
    }
    db.execute("DROP TABLE one").await?;
    db.close().await?;
    Ok(median(took))
}
