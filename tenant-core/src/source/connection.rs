use std::{fmt, future::Future, pin::Pin, sync::Arc};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    StatementBuilder, StreamTrait, TransactionOptions,
};

use tokio::{runtime::Handle, sync::Notify};

use super::{
    DataSource, Released, SourceStream, SourceTransaction,
    home::{AtHome, Home},
};
use crate::transactional::impl_transaction_trait;

/// A connection to one data source, and a share in it: as long as somebody holds one, the data
/// source stays open.
///
/// It is bound to no tenant. [`Tenancy::shared`](crate::Tenancy::shared) returns one for shared
/// tables; inside a [`TenantConnection`](crate::TenantConnection) it carries the tenant's
/// statements. Each statement takes a connection of the pool and gives it back.
#[derive(Clone)]
pub struct SourceConnection {
    // Dropped in this order: whoever is told that a share was given back finds it gone.
    source: Arc<DataSource>,
    _released: Released,
}

impl SourceConnection {
    pub(super) fn new(source: Arc<DataSource>, released: Arc<Notify>) -> Self {
        Self {
            source,
            _released: Released(released),
        }
    }

    async fn begin_transaction(
        &self,
        options: TransactionOptions,
    ) -> Result<SourceTransaction, DbErr> {
        SourceTransaction::begin(self, options).await
    }

    /// Where the source's connections live.
    pub(super) fn runtime(&self) -> Option<Handle> {
        self.source.runtime.clone()
    }

    pub(super) fn home(&self) -> &Home {
        &self.source.home
    }

    /// Whatever takes a connection from the pool runs so: it may have to open one.
    pub(super) fn at_home<F: Future>(&self, future: F) -> AtHome<'_, F> {
        self.source.home.run(future)
    }

    /// The pool as SeaORM's own type, for what asks for that. It may be closed when this share is
    /// dropped.
    #[must_use]
    pub fn as_database_connection(&self) -> &DatabaseConnection {
        &self.source.database
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.at_home(self.source.database.ping()).await
    }
}

impl fmt::Debug for SourceConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceConnection")
            .field(&self.source.database)
            .finish()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for SourceConnection {
    fn get_database_backend(&self) -> DbBackend {
        self.source.database.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.at_home(self.source.database.execute_raw(statement))
            .await
    }

    async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        self.at_home(self.source.database.execute(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.at_home(self.source.database.execute_unprepared(sql))
            .await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.at_home(self.source.database.query_one_raw(statement))
            .await
    }

    async fn query_one<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Option<QueryResult>, DbErr> {
        self.at_home(self.source.database.query_one(statement))
            .await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.at_home(self.source.database.query_all_raw(statement))
            .await
    }

    async fn query_all<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Vec<QueryResult>, DbErr> {
        self.at_home(self.source.database.query_all(statement))
            .await
    }

    fn support_returning(&self) -> bool {
        self.source.database.support_returning()
    }

    fn is_mock_connection(&self) -> bool {
        self.source.database.is_mock_connection()
    }
}

impl_transaction_trait!([] SourceConnection, SourceTransaction);

impl StreamTrait for SourceConnection {
    type Stream<'a> = SourceStream;

    fn get_database_backend(&self) -> DbBackend {
        self.source.database.get_database_backend()
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        let rows = self.source.database.stream_raw(statement);
        Box::pin(async { Ok(SourceStream::new(self.home(), self.at_home(rows).await?)) })
    }

    fn stream<'a, S: StatementBuilder + Sync>(
        &'a self,
        statement: &S,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        let rows = self.source.database.stream(statement);
        Box::pin(async { Ok(SourceStream::new(self.home(), self.at_home(rows).await?)) })
    }
}

#[cfg(feature = "schema-sync")]
#[async_trait::async_trait]
impl sea_schema::Connection for SourceConnection {
    async fn query_all(
        &self,
        select: sea_orm::sea_query::SelectStatement,
    ) -> Result<Vec<sea_schema::sqlx_types::SqlxRow>, sea_schema::sqlx_types::SqlxError> {
        let database = &self.source.database;
        self.at_home(sea_schema::Connection::query_all(database, select))
            .await
    }

    async fn query_all_raw(
        &self,
        sql: String,
    ) -> Result<Vec<sea_schema::sqlx_types::SqlxRow>, sea_schema::sqlx_types::SqlxError> {
        let database = &self.source.database;
        self.at_home(sea_schema::Connection::query_all_raw(database, sql))
            .await
    }
}
