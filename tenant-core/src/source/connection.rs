use std::{fmt, future::Future, pin::Pin, sync::Arc};

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, StatementBuilder,
    StreamTrait, TransactionOptions,
};
use tokio::{runtime::Handle, sync::Notify};
use tracing::{Instrument as _, Span};

use super::{
    SourceStream, SourceTransaction,
    data_source::DataSource,
    home::{AtHome, Home},
    lanes::{Affinity, Seat},
    registry::Released,
    session::{Session, Text},
};
use crate::{TenantError, transactional::impl_transaction_trait};

/// A connection to one data source, and a share in it: as long as somebody holds one, the data
/// source stays open.
///
/// It runs no tenant's statements by itself. [`Tenancy::shared`](crate::Tenancy::shared) returns one
/// for shared tables; inside a [`TenantConnection`](crate::TenantConnection) it carries the tenant's
/// statements.
///
/// Each statement, transaction and stream takes one of the data source's connections and gives it
/// back. Those of one tenant keep to few: to the same one, as long as it is free. When all that the
/// tenant may use are busy, it waits, in turns with the others who do, and at most as long as
/// [`acquire_timeout`](crate::TenancyBuilder::acquire_timeout): then it fails with
/// [`TenantError::ConnectionsBusy`].
///
/// Each statement outside of a transaction has a `tracing` span `statement` of level `DEBUG`.
///
/// On PostgreSQL a statement that fails because its table was changed since it was prepared is run
/// once more, on a new connection. Inside a transaction it fails; when that has ended, the
/// connection is replaced.
///
/// A transaction is begun with [`begin`](sea_orm::TransactionTrait::begin). One that raw SQL leaves open
/// is rolled back: after a text in which a statement begins with `BEGIN`, say, the connection is closed.
#[derive(Clone)]
pub struct SourceConnection {
    // Dropped in this order: whoever is told that a share was given back finds it gone.
    source: Arc<DataSource>,
    _released: Released,
    affinity: Affinity,
    /// What is set on the connections for this one's statements.
    session: Session,
}

impl SourceConnection {
    pub(super) fn new(
        source: Arc<DataSource>,
        affinity: Affinity,
        session: Session,
        released: Arc<Notify>,
    ) -> Self {
        Self {
            source,
            _released: Released(released),
            affinity,
            session,
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

    /// Whatever uses a connection runs so: it may have to open one.
    pub(super) fn at_home<F: Future>(&self, future: F) -> AtHome<'_, F> {
        self.source.home.run(future)
    }

    /// One of the connections, for oneself.
    pub(super) async fn seat(&self) -> Result<Seat, TenantError> {
        self.source.lanes.seat(self.affinity).await
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// What a failure of the driver's is to this connection.
    pub(super) fn explain(&self, error: DbErr) -> DbErr {
        self.session.explain(error)
    }

    /// Of one statement: how long it takes, its wait for a connection included. Its text, unless it
    /// may have values in it.
    fn span(&self, sql: Option<&str>) -> Span {
        tracing::debug_span!(
            "statement",
            otel.kind = "client",
            db.system = system(self.source.backend),
            db.statement = sql,
        )
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    ///
    /// The driver's, and [`TenantError::ConnectionsBusy`].
    pub async fn ping(&self) -> Result<(), DbErr> {
        on_seat!(self, Text::Ping, |held| held.ping())
    }
}

/// OpenTelemetry's name for a kind of database.
fn system(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "postgresql",
        DbBackend::MySql => "mysql",
        DbBackend::Sqlite => "sqlite",
        other => other.as_str(),
    }
}

/// Runs a statement on one of the connections, and once more where another would do better.
macro_rules! on_seat {
    ($self:ident, $text:expr, |$held:ident| $statement:expr) => {{
        let text = $text;
        $self
            .at_home(async {
                let mut seat = $self.seat().await?;
                let mut $held = seat.hold(&$self.session, text).await?;
                if text.may_begin() {
                    // It is closed when this is over, however that comes.
                    seat.discard();
                    let outcome = seat.watch($statement).await;
                    return outcome.map_err(|error| $self.explain(error));
                }
                match seat.watch($statement).await {
                    Ok(outcome) => {
                        seat.keep($held);
                        Ok(outcome)
                    }
                    Err(error) if seat.learn_from(&error) => {
                        drop($held);
                        if !text.fails_whole() {
                            seat.discard();
                            return Err($self.explain(error));
                        }
                        // Boxed: it is seldom needed, and as large as the first.
                        let again = async {
                            seat.replace().await?;
                            let mut $held = seat.hold(&$self.session, text).await?;
                            seat.watch($statement).await
                        };
                        Box::pin(again).await.map_err(|error| $self.explain(error))
                    }
                    Err(error) => Err($self.explain(error)),
                }
            })
            .instrument($self.span(text.shown()))
            .await
    }};
}
use on_seat;

impl fmt::Debug for SourceConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SourceConnection")
            .field(&self.source)
            .finish()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for SourceConnection {
    fn get_database_backend(&self) -> DbBackend {
        self.source.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        on_seat!(self, Text::raw(&statement), |held| held.execute(&statement))
    }

    async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        let statement = statement.build(&self.source.backend);
        on_seat!(self, Text::Typed(&statement.sql), |held| held
            .execute(&statement))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        on_seat!(self, Text::Script(sql), |held| held.execute_unprepared(sql))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        on_seat!(self, Text::raw(&statement), |held| held
            .query_one(&statement))
    }

    async fn query_one<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Option<QueryResult>, DbErr> {
        let statement = statement.build(&self.source.backend);
        on_seat!(self, Text::Typed(&statement.sql), |held| held
            .query_one(&statement))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        on_seat!(self, Text::raw(&statement), |held| held
            .query_all(&statement))
    }

    async fn query_all<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Vec<QueryResult>, DbErr> {
        let statement = statement.build(&self.source.backend);
        on_seat!(self, Text::Typed(&statement.sql), |held| held
            .query_all(&statement))
    }

    fn support_returning(&self) -> bool {
        self.source.backend.support_returning()
    }

    fn is_mock_connection(&self) -> bool {
        false
    }
}

impl_transaction_trait!([] SourceConnection, SourceTransaction);

impl StreamTrait for SourceConnection {
    type Stream<'a> = SourceStream;

    fn get_database_backend(&self) -> DbBackend {
        self.source.backend
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(SourceStream::open(self, statement))
    }

    fn stream<'a, S: StatementBuilder + Sync>(
        &'a self,
        statement: &S,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        self.stream_raw(statement.build(&self.source.backend))
    }
}

/// In transactions, whose connections have the session for certain.
#[cfg(feature = "schema-sync")]
#[async_trait::async_trait]
impl sea_schema::Connection for SourceConnection {
    async fn query_all(
        &self,
        select: sea_orm::sea_query::SelectStatement,
    ) -> Result<Vec<sea_schema::sqlx_types::SqlxRow>, sea_schema::sqlx_types::SqlxError> {
        let options = TransactionOptions::default();
        let transaction = self.begin_transaction(options).await.map_err(in_driver)?;
        let rows = sea_schema::Connection::query_all(&transaction, select).await?;
        let committed = sea_orm::TransactionSession::commit(transaction).await;
        committed.map_err(in_driver)?;
        Ok(rows)
    }

    async fn query_all_raw(
        &self,
        sql: String,
    ) -> Result<Vec<sea_schema::sqlx_types::SqlxRow>, sea_schema::sqlx_types::SqlxError> {
        let options = TransactionOptions::default();
        let transaction = self.begin_transaction(options).await.map_err(in_driver)?;
        let rows = sea_schema::Connection::query_all_raw(&transaction, sql).await?;
        let committed = sea_orm::TransactionSession::commit(transaction).await;
        committed.map_err(in_driver)?;
        Ok(rows)
    }
}

/// An error of ours where the driver's own are asked for.
#[cfg(feature = "schema-sync")]
pub(super) fn in_driver(error: impl Into<TenantError>) -> sea_schema::sqlx_types::SqlxError {
    sea_schema::sqlx_types::SqlxError::Configuration(error.into().into())
}
