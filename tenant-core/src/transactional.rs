//! SeaORM's `TransactionTrait`, of the one thing in which our connections differ: how they begin.

use std::fmt;

use sea_orm::{DbErr, TransactionError, TransactionSession};

/// Implements `TransactionTrait` for a connection with an inherent method
/// `begin_transaction(&self, TransactionOptions) -> Result<Transaction, DbErr>`.
macro_rules! impl_transaction_trait {
    ([$($generics:tt)*] $connection:ty, $transaction:ty) => {
        #[async_trait::async_trait]
        impl<$($generics)*> sea_orm::TransactionTrait for $connection {
            type Transaction = $transaction;

            async fn begin(&self) -> Result<$transaction, sea_orm::DbErr> {
                self.begin_transaction(sea_orm::TransactionOptions::default()).await
            }

            async fn begin_with_config(
                &self,
                isolation_level: Option<sea_orm::IsolationLevel>,
                access_mode: Option<sea_orm::AccessMode>,
            ) -> Result<$transaction, sea_orm::DbErr> {
                let options = sea_orm::TransactionOptions {
                    isolation_level,
                    access_mode,
                    sqlite_transaction_mode: None,
                };
                self.begin_transaction(options).await
            }

            async fn begin_with_options(
                &self,
                options: sea_orm::TransactionOptions,
            ) -> Result<$transaction, sea_orm::DbErr> {
                self.begin_transaction(options).await
            }

            async fn transaction<F, T, E>(
                &self,
                callback: F,
            ) -> Result<T, sea_orm::TransactionError<E>>
            where
                F: for<'t> FnOnce(
                        &'t $transaction,
                    ) -> std::pin::Pin<
                        Box<dyn std::future::Future<Output = Result<T, E>> + Send + 't>,
                    > + Send,
                T: Send,
                E: std::fmt::Display + std::fmt::Debug + Send,
            {
                self.transaction_with_config(callback, None, None).await
            }

            async fn transaction_with_config<F, T, E>(
                &self,
                callback: F,
                isolation_level: Option<sea_orm::IsolationLevel>,
                access_mode: Option<sea_orm::AccessMode>,
            ) -> Result<T, sea_orm::TransactionError<E>>
            where
                F: for<'t> FnOnce(
                        &'t $transaction,
                    ) -> std::pin::Pin<
                        Box<dyn std::future::Future<Output = Result<T, E>> + Send + 't>,
                    > + Send,
                T: Send,
                E: std::fmt::Display + std::fmt::Debug + Send,
            {
                let transaction = self
                    .begin_with_config(isolation_level, access_mode)
                    .await
                    .map_err(sea_orm::TransactionError::Connection)?;
                let outcome = callback(&transaction).await;
                $crate::transactional::end(transaction, outcome).await
            }
        }
    };
}
pub(crate) use impl_transaction_trait;

/// Commits `transaction` when the outcome of what was done in it is good, else rolls it back.
pub(crate) async fn end<S: TransactionSession, T, E>(
    transaction: S,
    outcome: Result<T, E>,
) -> Result<T, TransactionError<E>>
where
    E: fmt::Display + fmt::Debug,
{
    let ended: Result<(), DbErr> = match &outcome {
        Ok(_) => transaction.commit().await,
        Err(_) => transaction.rollback().await,
    };
    ended.map_err(TransactionError::Connection)?;
    outcome.map_err(TransactionError::Transaction)
}
