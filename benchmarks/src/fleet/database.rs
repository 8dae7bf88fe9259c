//! A database of this measurement's own.

use std::time::{Duration, Instant};

use sea_orm::sqlx::{Connection as _, Executor as _, PgConnection, Row as _, query};

use crate::{BoxError, fleet::median, server::Server};

pub const NAME: &str = "fleet_benchmark";

/// An empty database, and its URL. Commits are held up for so many milliseconds there.
pub async fn create(server: &Server, commit: u32) -> Result<String, BoxError> {
    let url = server.create_database(NAME).await?;
    if commit > 0 {
        // It waits before it writes, whether others commit or not.
        for (setting, value) in [("commit_delay", commit * 1_000), ("commit_siblings", 0)] {
            server
                .execute(format!("ALTER DATABASE {NAME} SET {setting} = {value}"))
                .await?;
        }
    }
    Ok(url.into())
}

/// How many transactions were committed in it.
pub async fn commit_count(server: &Server) -> Result<i64, BoxError> {
    let mut db = server.connect().await?;
    let select = query("SELECT xact_commit FROM pg_stat_database WHERE datname = $1").bind(NAME);
    let commits = select.fetch_one(&mut db).await?.try_get(0)?;
    db.close().await?;
    Ok(commits)
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
