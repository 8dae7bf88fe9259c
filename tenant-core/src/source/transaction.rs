use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use futures_core::Stream;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    StatementBuilder, StreamTrait, TransactionOptions, TransactionSession, TransactionTrait,
};

#[cfg(feature = "schema-sync")]
use super::connection::in_driver;
use super::{
    SourceConnection,
    finish::Finish,
    home::Housed,
    lanes::{Seat, is_stale_plan},
    session::{Session, Text},
};
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
    // Dropped in this order: the connection is given back before its lane is.
    transaction: Housed<DatabaseTransaction>,
    /// Not in a savepoint.
    _outermost: Option<LostWhenOver>,
    begun: Arc<Begun>,
    share: SourceConnection,
}

/// What a transaction and all its savepoints have in common.
struct Begun {
    /// The driver undoes them together.
    lost: AtomicBool,
    /// Something that is prepared on the connection is out of date.
    is_stale: AtomicBool,
    seat: Seat,
}

impl Begun {
    fn look_at(&self, error: &DbErr) {
        if is_stale_plan(error) {
            self.is_stale.store(true, Ordering::Relaxed);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if *self.is_stale.get_mut() {
            self.seat.discard();
        }
    }
}

/// A savepoint that outlives its transaction would commit what that one took back.
struct LostWhenOver(Arc<Begun>);

impl Drop for LostWhenOver {
    fn drop(&mut self) {
        self.0.lost.store(true, Ordering::Release);
    }
}

impl SourceTransaction {
    /// Begins, to the end even when the caller gives up: what it began is rolled back then.
    pub(super) async fn begin(
        share: &SourceConnection,
        options: TransactionOptions,
    ) -> Result<Self, DbErr> {
        let mut seat = share.at_home(share.seat()).await?;
        let share = share.clone();
        Finish::new(share.runtime(), async move {
            let transaction = share
                .at_home(begin(&mut seat, options, share.session()))
                .await?;
            let begun = Arc::new(Begun {
                lost: AtomicBool::new(false),
                is_stale: AtomicBool::new(false),
                seat,
            });
            Ok(Self {
                transaction: Housed::new(share.home(), transaction),
                _outermost: Some(LostWhenOver(Arc::clone(&begun))),
                begun,
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
    fn as_database_transaction(&self) -> Result<&DatabaseTransaction, TenantError> {
        match self.transaction.get() {
            Some(transaction) if !self.begun.lost.load(Ordering::Acquire) => Ok(transaction),
            _ => Err(TenantError::TransactionLost),
        }
    }

    /// A savepoint.
    async fn begin_transaction(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        let transaction = self.check()?;
        let begun = LostUnlessKept(Some(&self.begun.lost));
        let beginning = transaction.begin_with_options(options);
        let savepoint = self.begun.seat.watch(beginning).await?;
        begun.keep();
        Ok(Self {
            transaction: Housed::new(self.share.home(), savepoint),
            _outermost: None,
            begun: Arc::clone(&self.begun),
            share: self.share.clone(),
        })
    }

    fn check(&self) -> Result<&DatabaseTransaction, DbErr> {
        Ok(self.as_database_transaction()?)
    }

    /// Runs a statement, and looks at what becomes of it.
    async fn watched<T>(
        &self,
        statement: impl Future<Output = Result<T, DbErr>> + Send,
    ) -> Result<T, DbErr> {
        let outcome = self.begun.seat.watch(statement).await;
        outcome.map_err(|error| {
            self.begun.look_at(&error);
            self.share.explain(error)
        })
    }
}

/// A second time where the connection turns out to be gone: nothing was done on it yet.
async fn begin(
    seat: &mut Seat,
    options: TransactionOptions,
    session: &Session,
) -> Result<DatabaseTransaction, DbErr> {
    if !session.is_unused() {
        // What follows a `COMMIT` in raw SQL has nothing of somebody who was here before.
        drop(seat.hold(session, Text::Ping).await?);
    }
    let begun = seat.database()?.begin_with_options(options).await;
    let transaction = match begun {
        Err(error) if is_broken(&error) => {
            seat.replace().await?;
            seat.database()?.begin_with_options(options).await
        }
        begun => begun,
    };
    let transaction = transaction.inspect_err(|error| {
        seat.learn_from(error);
    })?;
    let backend = ConnectionTrait::get_database_backend(&transaction);
    if let Some(set) = session.set_in_transaction(backend) {
        let set = transaction.execute_unprepared(&set).await;
        set.map_err(|error| session.refused(error))?;
    }
    Ok(transaction)
}

fn is_broken(error: &DbErr) -> bool {
    !matches!(error, DbErr::ConnectionAcquire(_))
        && TenantError::Database(error.clone()).is_connection_failure()
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
            .field("lost", &self.begun.lost)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for SourceTransaction {
    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.share)
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.watched(self.check()?.execute_raw(statement)).await
    }

    async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        self.watched(self.check()?.execute(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.watched(self.check()?.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.watched(self.check()?.query_one_raw(statement)).await
    }

    async fn query_one<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Option<QueryResult>, DbErr> {
        self.watched(self.check()?.query_one(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.watched(self.check()?.query_all_raw(statement)).await
    }

    async fn query_all<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Vec<QueryResult>, DbErr> {
        self.watched(self.check()?.query_all(statement)).await
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
        let ended = LostUnlessKept(Some(&self.begun.lost));
        if let Some(transaction) = self.transaction.take() {
            let committing = self.begun.seat.watch(transaction.commit());
            self.share.at_home(committing).await?;
        }
        ended.keep();
        Ok(())
    }

    /// Of a transaction that is lost, too: nothing is left to undo.
    async fn rollback(mut self) -> Result<(), DbErr> {
        let ended = LostUnlessKept(Some(&self.begun.lost));
        if let Some(transaction) = self.transaction.take() {
            let rolling_back = self.begun.seat.watch(transaction.rollback());
            self.share.at_home(rolling_back).await?;
        }
        ended.keep();
        Ok(())
    }
}

impl StreamTrait for SourceTransaction {
    type Stream<'a> = SourceTransactionStream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(&self.share)
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let rows = self.watched(self.check()?.stream_raw(statement)).await?;
            Ok(SourceTransactionStream {
                rows,
                is_under_way: false,
                begun: &self.begun,
                share: &self.share,
            })
        })
    }

    fn stream<'a, S: StatementBuilder + Sync>(
        &'a self,
        statement: &S,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        self.stream_raw(statement.build(&ConnectionTrait::get_database_backend(self)))
    }
}

/// Rows in a [`SourceTransaction`].
#[must_use = "streams do nothing unless polled"]
pub struct SourceTransactionStream<'a> {
    rows: <DatabaseTransaction as StreamTrait>::Stream<'a>,
    /// Whether the next row was asked for and is not there yet.
    is_under_way: bool,
    begun: &'a Begun,
    share: &'a SourceConnection,
}

impl Stream for SourceTransactionStream<'_> {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.rows).poll_next(context);
        self.is_under_way = polled.is_pending();
        polled.map_err(|error| {
            self.begun.look_at(&error);
            self.share.explain(error)
        })
    }
}

impl Drop for SourceTransactionStream<'_> {
    fn drop(&mut self) {
        if self.is_under_way {
            self.begun.seat.note_cut();
        }
    }
}

impl fmt::Debug for SourceTransactionStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceTransactionStream")
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "schema-sync")]
#[async_trait::async_trait]
impl sea_schema::Connection for SourceTransaction {
    async fn query_all(
        &self,
        select: sea_orm::sea_query::SelectStatement,
    ) -> Result<Vec<sea_schema::sqlx_types::SqlxRow>, sea_schema::sqlx_types::SqlxError> {
        let transaction = self.as_database_transaction().map_err(in_driver)?;
        sea_schema::Connection::query_all(transaction, select).await
    }

    async fn query_all_raw(
        &self,
        sql: String,
    ) -> Result<Vec<sea_schema::sqlx_types::SqlxRow>, sea_schema::sqlx_types::SqlxError> {
        let transaction = self.as_database_transaction().map_err(in_driver)?;
        sea_schema::Connection::query_all_raw(transaction, sql).await
    }
}
