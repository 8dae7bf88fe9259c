//! Transactions of a tenant connection are tenant connections, bound to the same tenant.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use sea_orm::{
    AccessMode, DbErr, IsolationLevel, TransactionError, TransactionOptions, TransactionSession,
    TransactionTrait,
};

use super::TenantConnection;

impl<C: TransactionTrait> TenantConnection<C> {
    /// Runs `callback` in a transaction: commits when it returns `Ok`, rolls back when it returns
    /// `Err`, panics or is dropped.
    ///
    /// # Errors
    ///
    /// [`TransactionError::Transaction`] with the callback's error, or
    /// [`TransactionError::Connection`] when beginning, committing or rolling back failed.
    pub async fn transaction_async<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c TenantConnection<C::Transaction>) -> Result<T, E> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.transaction_with_config_async(callback, None, None)
            .await
    }

    /// [`transaction_async`](Self::transaction_async) with an isolation level and an access mode.
    ///
    /// # Errors
    ///
    /// As [`transaction_async`](Self::transaction_async).
    pub async fn transaction_with_config_async<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c TenantConnection<C::Transaction>) -> Result<T, E> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        let transaction = self
            .begin_with_config(isolation_level, access_mode)
            .await
            .map_err(TransactionError::Connection)?;
        let outcome = callback(&transaction).await;
        end(transaction, outcome).await
    }

    fn bind(&self, transaction: C::Transaction) -> TenantConnection<C::Transaction> {
        TenantConnection {
            inner: transaction,
            binding: Arc::clone(&self.binding),
        }
    }
}

impl<C: TransactionSession> TenantConnection<C> {
    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await
    }

    /// Rolls the transaction back. Dropping it does, too, but does not wait for it.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn rollback(self) -> Result<(), DbErr> {
        self.inner.rollback().await
    }
}

/// Commits `transaction` when the outcome of what was done in it is good, else rolls it back.
pub(crate) async fn end<S: TransactionSession, T, E>(
    transaction: S,
    outcome: Result<T, E>,
) -> Result<T, TransactionError<E>>
where
    E: fmt::Display + fmt::Debug,
{
    let ended = match &outcome {
        Ok(_) => transaction.commit().await,
        Err(_) => transaction.rollback().await,
    };
    ended.map_err(TransactionError::Connection)?;
    outcome.map_err(TransactionError::Transaction)
}

#[async_trait::async_trait]
impl<C: TransactionTrait> TransactionTrait for TenantConnection<C> {
    type Transaction = TenantConnection<C::Transaction>;

    async fn begin(&self) -> Result<Self::Transaction, DbErr> {
        Ok(self.bind(self.inner.begin().await?))
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Self::Transaction, DbErr> {
        let transaction = self
            .inner
            .begin_with_config(isolation_level, access_mode)
            .await?;
        Ok(self.bind(transaction))
    }

    async fn begin_with_options(
        &self,
        options: TransactionOptions,
    ) -> Result<Self::Transaction, DbErr> {
        Ok(self.bind(self.inner.begin_with_options(options).await?))
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(
                &'c Self::Transaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.transaction_with_config(callback, None, None).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(
                &'c Self::Transaction,
            ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        let transaction = self
            .begin_with_config(isolation_level, access_mode)
            .await
            .map_err(TransactionError::Connection)?;
        let outcome = callback(&transaction).await;
        end(transaction, outcome).await
    }
}

#[async_trait::async_trait]
impl<C: TransactionSession + Send> TransactionSession for TenantConnection<C> {
    async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        self.inner.rollback().await
    }
}
