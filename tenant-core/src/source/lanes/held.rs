use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DbErr, ExecResult, QueryResult, QueryStream, RuntimeErr,
    Statement, sqlx,
};
use sea_query_sqlx::SqlxValues;

/// The connection of a lane, taken out of its pool.
///
/// A pool asks a connection for a sign of life whenever it comes back, in a task of its own: as long
/// again as a short statement takes. A lane has one connection, and keeps it. Dropped, it goes back
/// to its pool, which is what is done with one that may not be well.
pub(in crate::source) enum Held {
    #[cfg(feature = "sqlx-postgres")]
    Postgres(sqlx::pool::PoolConnection<sqlx::Postgres>),
    #[cfg(feature = "sqlx-mysql")]
    MySql(sqlx::pool::PoolConnection<sqlx::MySql>),
    #[cfg(feature = "sqlx-sqlite")]
    Sqlite(sqlx::pool::PoolConnection<sqlx::Sqlite>),
}

/// The same for each driver, with its own type.
macro_rules! of_driver {
    ($held:expr, |$connection:ident| $run:expr) => {
        match $held {
            #[cfg(feature = "sqlx-postgres")]
            Held::Postgres($connection) => $run,
            #[cfg(feature = "sqlx-mysql")]
            Held::MySql($connection) => $run,
            #[cfg(feature = "sqlx-sqlite")]
            Held::Sqlite($connection) => $run,
        }
    };
}

impl Held {
    /// Takes it, waiting until it has come back, and connects where that is needed.
    pub(super) async fn take(database: &DatabaseConnection) -> Result<Self, DbErr> {
        use sea_orm::DatabaseConnectionType as Pool;
        match &database.inner {
            #[cfg(feature = "sqlx-postgres")]
            Pool::SqlxPostgresPoolConnection(_) => {
                let pool = database.get_postgres_connection_pool();
                pool.acquire().await.map(Self::Postgres).map_err(acquiring)
            }
            #[cfg(feature = "sqlx-mysql")]
            Pool::SqlxMySqlPoolConnection(_) => {
                let pool = database.get_mysql_connection_pool();
                pool.acquire().await.map(Self::MySql).map_err(acquiring)
            }
            #[cfg(feature = "sqlx-sqlite")]
            Pool::SqlxSqlitePoolConnection(_) => {
                let pool = database.get_sqlite_connection_pool();
                pool.acquire().await.map(Self::Sqlite).map_err(acquiring)
            }
            // Only a driver of sqlx is ever opened.
            _ => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
        }
    }

    pub(in crate::source) async fn ping(&mut self) -> Result<(), DbErr> {
        of_driver!(self, |connection| {
            let pinged = sqlx::Connection::ping(&mut **connection).await;
            pinged.map_err(connecting)
        })
    }

    pub(in crate::source) async fn execute(
        &mut self,
        statement: &Statement,
    ) -> Result<ExecResult, DbErr> {
        of_driver!(self, |connection| {
            let executed = query(statement).execute(&mut **connection).await;
            executed.map(ExecResult::from).map_err(executing)
        })
    }

    pub(in crate::source) async fn execute_unprepared(
        &mut self,
        sql: &str,
    ) -> Result<ExecResult, DbErr> {
        of_driver!(self, |connection| {
            let sql = sqlx::AssertSqlSafe(sql);
            let executed = sqlx::Executor::execute(&mut **connection, sql).await;
            executed.map(ExecResult::from).map_err(executing)
        })
    }

    pub(in crate::source) async fn query_one(
        &mut self,
        statement: &Statement,
    ) -> Result<Option<QueryResult>, DbErr> {
        of_driver!(self, |connection| {
            let fetched = query(statement).fetch_optional(&mut **connection).await;
            let row = fetched.map_err(querying)?;
            Ok(row.map(QueryResult::from))
        })
    }

    pub(in crate::source) async fn query_all(
        &mut self,
        statement: &Statement,
    ) -> Result<Vec<QueryResult>, DbErr> {
        of_driver!(self, |connection| {
            let fetched = query(statement).fetch_all(&mut **connection).await;
            let rows = fetched.map_err(querying)?;
            Ok(rows.into_iter().map(QueryResult::from).collect())
        })
    }

    /// The rows of a statement, with which it goes back to its pool.
    pub(in crate::source) fn stream(self, statement: Statement) -> QueryStream {
        of_driver!(self, |connection| QueryStream::from((
            connection, statement, None
        )))
    }

    /// Says goodbye to the server.
    pub(super) async fn close(self) -> Result<(), DbErr> {
        of_driver!(self, |connection| {
            let closed = connection.close().await;
            closed.map_err(connecting)
        })
    }

    /// Cuts the connection, for which its pool may have another one.
    pub(super) fn abandon(self) {
        of_driver!(self, |connection| drop(connection.detach()));
    }

    /// Cuts the connection, where there may be no runtime to say goodbye in. Its pool cannot be
    /// closed after that.
    pub(super) fn cut(self) {
        of_driver!(self, |connection| drop(connection.leak()));
    }
}

/// As SeaORM does.
fn query<DB>(statement: &Statement) -> sqlx::query::Query<'_, DB, SqlxValues>
where
    DB: sqlx::Database,
    SqlxValues: sqlx::IntoArguments<DB>,
{
    let values = statement.values.clone();
    let values = SqlxValues(values.unwrap_or_else(|| sea_orm::Values(Vec::new())));
    sqlx::query_with(sqlx::AssertSqlSafe(statement.sql.as_str()), values)
}

// The errors that SeaORM makes of the driver's.

fn acquiring(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => connecting(error),
    }
}

fn connecting(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(error.into()))
}

fn executing(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn querying(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
