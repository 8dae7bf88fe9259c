use std::str::FromStr as _;

use sea_orm::{
    DatabaseConnection, SqlxPostgresConnector,
    sqlx::{
        AssertSqlSafe, Executor as _, PgConnection,
        postgres::{PgConnectOptions, PgPoolOptions},
    },
};

use super::{Contender, To};
use crate::{BoxError, library::plain, load::Request};

tokio::task_local! {
    /// What the pool sets on a connection before it hands it out.
    static SET: String;
}

/// The pool sets the search path of whoever asks on each connection that it hands out.
pub(super) struct SearchPath {
    db: DatabaseConnection,
    set: Vec<String>,
}

impl SearchPath {
    pub(super) fn open(to: &To<'_>) -> Result<Self, BoxError> {
        let url = to.tenants.url(to.application);
        let pool = PgPoolOptions::new()
            .max_connections(to.limits.connections)
            // `SET` tells as well whether the server is there.
            .test_before_acquire(false)
            .after_connect(|connection, _| Box::pin(set(connection)))
            .before_acquire(|connection, _| {
                Box::pin(async {
                    set(connection).await?;
                    Ok(true)
                })
            })
            .connect_lazy_with(PgConnectOptions::from_str(url.as_str())?);
        let set = |schema| format!(r#"SET search_path = "{schema}""#);
        Ok(Self {
            db: SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
            set: to.tenants.schemas().map(set).collect(),
        })
    }
}

async fn set(connection: &mut PgConnection) -> Result<(), sea_orm::sqlx::Error> {
    connection.execute(AssertSqlSafe(SET.get())).await?;
    Ok(())
}

#[async_trait::async_trait]
impl Contender for SearchPath {
    async fn answer(&self, request: Request) -> Result<(), BoxError> {
        let answer = plain::answer(&self.db, request.what, request.key);
        Ok(SET.scope(self.set[request.tenant].clone(), answer).await?)
    }

    async fn close(&self) {
        let _ = self.db.close_by_ref().await;
    }
}
