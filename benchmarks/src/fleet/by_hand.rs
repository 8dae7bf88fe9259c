//! The same change without a migrator: a loop over schemas, on one connection for each worker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use crate::BoxError;
use sea_orm::sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, query};
use tenant_core::SchemaName;
use tokio::task::JoinSet;

use super::migrations::GROWING;

/// What a loop does for each schema.
#[derive(Clone)]
pub enum Loop {
    /// Adds this column, and nothing else.
    Bare(String),
    /// Applies this migration, which adds a column of its name, as a migrator has to: in a
    /// transaction, when nobody else is at work, if it was not applied, with a note that it was.
    Careful(String),
}

impl Loop {
    /// Says how long it took, with opening and closing what it needs.
    pub async fn run(
        self,
        url: &str,
        workers: usize,
        schemas: Vec<SchemaName>,
    ) -> Result<Duration, BoxError> {
        let begun = Instant::now();
        let (schemas, next) = (Arc::new(schemas), Arc::new(AtomicUsize::new(0)));
        let mut loops = JoinSet::<Result<(), BoxError>>::new();
        for _ in 0..workers {
            let (schemas, next) = (Arc::clone(&schemas), Arc::clone(&next));
            let (url, what) = (url.to_owned(), self.clone());
            loops.spawn(async move {
                let mut db = PgConnection::connect(&url).await?;
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(schema) = schemas.get(place) else {
                        break;
                    };
                    match &what {
                        Self::Bare(column) => add(&mut db, schema, column).await?,
                        Self::Careful(migration) => {
                            let number = i64::try_from(place)?;
                            apply(&mut db, schema, number, migration).await?;
                        }
                    }
                }
                Ok(db.close().await?)
            });
        }
        while let Some(done) = loops.join_next().await {
            done??;
        }
        Ok(begun.elapsed())
    }
}

/// A text alone is sent as it is: in one round trip, and a transaction of its own.
async fn add(db: &mut PgConnection, schema: &SchemaName, column: &str) -> Result<(), BoxError> {
    let alter = format!("ALTER TABLE \"{schema}\".\"{GROWING}\" ADD COLUMN \"{column}\" integer");
    db.execute(AssertSqlSafe(alter)).await?;
    Ok(())
}

async fn apply(
    db: &mut PgConnection,
    schema: &SchemaName,
    number: i64,
    migration: &str,
) -> Result<(), BoxError> {
    db.execute("BEGIN").await?;
    let set = query(
        "SELECT set_config('search_path', $1, true), set_config('lock_timeout', '2s', true), \
         pg_advisory_xact_lock($2)::text",
    );
    let path = format!("\"{schema}\", pg_temp");
    set.bind(path).bind(number).fetch_one(&mut *db).await?;
    let applied = query("SELECT version FROM seaql_migrations WHERE version = $1").bind(migration);
    if applied.fetch_optional(&mut *db).await?.is_some() {
        return Err("it was applied already".into());
    }
    let alter = format!("ALTER TABLE \"{GROWING}\" ADD COLUMN \"{migration}\" integer");
    query(AssertSqlSafe(alter)).execute(&mut *db).await?;
    let note = "INSERT INTO seaql_migrations (version, applied_at) VALUES ($1, $2)";
    query(note)
        .bind(migration)
        .bind(0_i64)
        .execute(&mut *db)
        .await?;
    db.execute("COMMIT").await?;
    Ok(())
}
