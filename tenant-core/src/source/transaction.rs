use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    StatementBuilder, StreamTrait, TransactionOptions, TransactionSession, TransactionTrait,
};

use super::{SourceConnection, finish::Finish, home::Housed};
use crate::{TenantError, transactional::impl_transaction_trait};

/// A transaction on a [`SourceConnection`], and a share in its data source: neither closing nor
/// eviction cuts it off.
///
/// # Differences from `DatabaseTransaction`
///
/// When beginning or ending a savepoint fails or is cancelled, the driver may roll back the
/// transaction around it, and what followed would commit statement by statement. Here everything
/// that follows is refused with [`TenantError::TransactionLost`].
pub struct SourceTransaction {
    transaction: Housed<DatabaseTransaction>,
    /// One for the transaction and all its savepoints: the driver undoes them together.
    lost: Arc<AtomicBool>,
    /// Not in a savepoint: when the transaction ends, what is left of it may go on no more.
    _outermost: Option<LostWhenOver>,
    share: SourceConnection,
}

/// A savepoint that outlives its transaction would commit what that one took back.
struct LostWhenOver(Arc<AtomicBool>);

impl Drop for LostWhenOver {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl SourceTransaction {
    /// Begins, to the end even when the caller gives up: what it began is rolled back then.
    pub(super) async fn begin(
        share: &SourceConnection,
        options: TransactionOptions,
    ) -> Result<Self, DbErr> {
        let share = share.clone();
        Finish::new(share.runtime(), async move {
            let database = share.as_database_connection();
            let begun = share.at_home(database.begin_with_options(options)).await?;
            let lost = Arc::new(AtomicBool::new(false));
            Ok(Self {
                transaction: Housed::new(share.home(), begun),
                _outermost: Some(LostWhenOver(Arc::clone(&lost))),
                lost,
                share,
            })
        })
        .await
    }

    /// The transaction as SeaORM's own type, for what asks for that.
    ///
    /// # Errors
    ///
    /// [`TenantError::TransactionLost`].
    pub fn as_database_transaction(&self) -> Result<&DatabaseTransaction, TenantError> {
        match self.transaction.get() {
            Some(transaction) if !self.lost.load(Ordering::Acquire) => Ok(transaction),
            _ => Err(TenantError::TransactionLost),
        }
    }

    /// A savepoint.
    async fn begin_transaction(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        let transaction = self.check()?;
        let begun = LostUnlessKept(Some(&self.lost));
        let savepoint = transaction.begin_with_options(options).await?;
        begun.keep();
        Ok(Self {
            transaction: Housed::new(self.share.home(), savepoint),
            lost: Arc::clone(&self.lost),
            _outermost: None,
            share: self.share.clone(),
        })
    }

    fn check(&self) -> Result<&DatabaseTransaction, DbErr> {
        Ok(self.as_database_transaction()?)
    }
}

/// Marks the transaction as lost, unless what it guards went well.
struct LostUnlessKept<'a>(Option<&'a AtomicBool>);

impl LostUnlessKept<'_> {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for LostUnlessKept<'_> {
    fn drop(&mut self) {
        if let Some(lost) = self.0 {
            lost.store(true, Ordering::Release);
        }
    }
}

impl fmt::Debug for SourceTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceTransaction")
            .field("lost", &self.lost)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for SourceTransaction {
    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(self.share.as_database_connection())
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.check()?.execute_raw(statement).await
    }

    async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        self.check()?.execute(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.check()?.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.check()?.query_one_raw(statement).await
    }

    async fn query_one<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Option<QueryResult>, DbErr> {
        self.check()?.query_one(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.check()?.query_all_raw(statement).await
    }

    async fn query_all<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Vec<QueryResult>, DbErr> {
        self.check()?.query_all(statement).await
    }

    fn support_returning(&self) -> bool {
        self.share.support_returning()
    }

    fn is_mock_connection(&self) -> bool {
        self.share.is_mock_connection()
    }
}

impl_transaction_trait!([] SourceTransaction, SourceTransaction);

#[async_trait::async_trait]
impl TransactionSession for SourceTransaction {
    async fn commit(mut self) -> Result<(), DbErr> {
        self.check()?;
        let ended = LostUnlessKept(Some(&self.lost));
        if let Some(transaction) = self.transaction.take() {
            self.share.at_home(transaction.commit()).await?;
        }
        ended.keep();
        Ok(())
    }

    /// Of a transaction that is lost, too: nothing is left to undo.
    async fn rollback(mut self) -> Result<(), DbErr> {
        let ended = LostUnlessKept(Some(&self.lost));
        if let Some(transaction) = self.transaction.take() {
            self.share.at_home(transaction.rollback()).await?;
        }
        ended.keep();
        Ok(())
    }
}

impl StreamTrait for SourceTransaction {
    type Stream<'a> = <DatabaseTransaction as StreamTrait>::Stream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(self.share.as_database_connection())
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        match self.check() {
            Ok(transaction) => transaction.stream_raw(statement),
            Err(lost) => Box::pin(std::future::ready(Err(lost))),
        }
    }

    fn stream<'a, S: StatementBuilder + Sync>(
        &'a self,
        statement: &S,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        match self.check() {
            Ok(transaction) => transaction.stream(statement),
            Err(lost) => Box::pin(std::future::ready(Err(lost))),
        }
    }
}

#[cfg(feature = "schema-sync")]
#[async_trait::async_trait]
impl sea_schema::Connection for SourceTransaction {
    async fn query_all(
        &self,
        select: sea_orm::sea_query::SelectStatement,
    ) -> Result<Vec<sea_schema::sqlx_types::SqlxRow>, sea_schema::sqlx_types::SqlxError> {
        let transaction = self.as_database_transaction().map_err(lost_in_driver)?;
        sea_schema::Connection::query_all(transaction, select).await
    }

    async fn query_all_raw(
        &self,
        sql: String,
    ) -> Result<Vec<sea_schema::sqlx_types::SqlxRow>, sea_schema::sqlx_types::SqlxError> {
        let transaction = self.as_database_transaction().map_err(lost_in_driver)?;
        sea_schema::Connection::query_all_raw(transaction, sql).await
    }
}

#[cfg(feature = "schema-sync")]
fn lost_in_driver(lost: TenantError) -> sea_schema::sqlx_types::SqlxError {
    sea_schema::sqlx_types::SqlxError::Configuration(lost.into())
}
