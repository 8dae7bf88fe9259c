//! SeaORM takes connections by their traits, and does not dereference: so extractors have the traits
//! of what they hold.

/// Implements SeaORM's connection traits for a type that dereferences to a tenant connection.
macro_rules! impl_connection {
    ($extractor:ty, $connection:ty) => {
        const _: () = {
            use std::{fmt, future::Future, pin::Pin};

            use sea_orm::{
                AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel,
                QueryResult, Statement, StatementBuilder, StreamTrait, TransactionError,
                TransactionOptions, TransactionTrait,
            };

            type Transaction = <$connection as TransactionTrait>::Transaction;

            #[async_trait::async_trait]
            impl ConnectionTrait for $extractor {
                fn get_database_backend(&self) -> DbBackend {
                    (**self).get_database_backend()
                }

                async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                    (**self).execute_raw(statement).await
                }

                async fn execute<S: StatementBuilder>(
                    &self,
                    statement: &S,
                ) -> Result<ExecResult, DbErr> {
                    (**self).execute(statement).await
                }

                async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                    (**self).execute_unprepared(sql).await
                }

                async fn query_one_raw(
                    &self,
                    statement: Statement,
                ) -> Result<Option<QueryResult>, DbErr> {
                    (**self).query_one_raw(statement).await
                }

                async fn query_one<S: StatementBuilder>(
                    &self,
                    statement: &S,
                ) -> Result<Option<QueryResult>, DbErr> {
                    (**self).query_one(statement).await
                }

                async fn query_all_raw(
                    &self,
                    statement: Statement,
                ) -> Result<Vec<QueryResult>, DbErr> {
                    (**self).query_all_raw(statement).await
                }

                async fn query_all<S: StatementBuilder>(
                    &self,
                    statement: &S,
                ) -> Result<Vec<QueryResult>, DbErr> {
                    (**self).query_all(statement).await
                }

                fn support_returning(&self) -> bool {
                    (**self).support_returning()
                }

                fn is_mock_connection(&self) -> bool {
                    (**self).is_mock_connection()
                }
            }

            #[async_trait::async_trait]
            impl TransactionTrait for $extractor {
                type Transaction = Transaction;

                async fn begin(&self) -> Result<Transaction, DbErr> {
                    (**self).begin().await
                }

                async fn begin_with_config(
                    &self,
                    isolation_level: Option<IsolationLevel>,
                    access_mode: Option<AccessMode>,
                ) -> Result<Transaction, DbErr> {
                    (**self)
                        .begin_with_config(isolation_level, access_mode)
                        .await
                }

                async fn begin_with_options(
                    &self,
                    options: TransactionOptions,
                ) -> Result<Transaction, DbErr> {
                    (**self).begin_with_options(options).await
                }

                async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
                where
                    F: for<'t> FnOnce(
                            &'t Transaction,
                        )
                            -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>
                        + Send,
                    T: Send,
                    E: fmt::Display + fmt::Debug + Send,
                {
                    (**self).transaction(callback).await
                }

                async fn transaction_with_config<F, T, E>(
                    &self,
                    callback: F,
                    isolation_level: Option<IsolationLevel>,
                    access_mode: Option<AccessMode>,
                ) -> Result<T, TransactionError<E>>
                where
                    F: for<'t> FnOnce(
                            &'t Transaction,
                        )
                            -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>
                        + Send,
                    T: Send,
                    E: fmt::Display + fmt::Debug + Send,
                {
                    (**self)
                        .transaction_with_config(callback, isolation_level, access_mode)
                        .await
                }
            }

            impl StreamTrait for $extractor {
                type Stream<'a> = <$connection as StreamTrait>::Stream<'a>;

                fn get_database_backend(&self) -> DbBackend {
                    (**self).get_database_backend()
                }

                fn stream_raw<'a>(
                    &'a self,
                    statement: Statement,
                ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>>
                {
                    (**self).stream_raw(statement)
                }

                fn stream<'a, S: StatementBuilder + Sync>(
                    &'a self,
                    statement: &S,
                ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>>
                {
                    (**self).stream(statement)
                }
            }
        };
    };
}
pub(super) use impl_connection;
