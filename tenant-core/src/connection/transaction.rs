//! Transactions of a tenant connection are tenant connections, bound to the same tenant.

use std::{fmt, sync::Arc};

use sea_orm::{
    AccessMode, DbErr, IsolationLevel, TransactionError, TransactionOptions, TransactionSession,
    TransactionTrait,
};

use super::TenantConnection;
use crate::transactional::{end, impl_transaction_trait};

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

    async fn begin_transaction(
        &self,
        options: TransactionOptions,
    ) -> Result<TenantConnection<C::Transaction>, DbErr> {
        Ok(TenantConnection {
            inner: self.inner.begin_with_options(options).await?,
            binding: Arc::clone(&self.binding),
        })
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

impl_transaction_trait!([C: TransactionTrait] TenantConnection<C>, TenantConnection<C::Transaction>);

#[async_trait::async_trait]
impl<C: TransactionSession + Send> TransactionSession for TenantConnection<C> {
    async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        self.inner.rollback().await
    }
}
