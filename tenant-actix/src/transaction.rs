//! A request's one transaction: extractors begin it, the middleware ends it.

use std::{cell::Cell, rc::Rc, sync::Arc};

use actix_web::{body::MessageBody, dev::ServiceResponse};
use futures_util::lock::Mutex;
use sea_orm::TransactionTrait as _;
use tenant_core::{SourceTransaction, Tenancy, TenantConnection, TenantError, TenantInfo};

use crate::TenantProblem;

/// A transaction that is shared by those who asked for it.
pub(crate) type OpenTransaction = Arc<TenantConnection<SourceTransaction>>;

/// Where a request's transaction is kept.
#[derive(Default)]
pub(crate) struct TransactionSlot {
    /// The lock is held while it begins: extractors of one handler run at the same time.
    transaction: Mutex<Option<OpenTransaction>>,
    was_asked_for: Cell<bool>,
    /// Nobody would end what begins now.
    is_over: Cell<bool>,
}

impl TransactionSlot {
    /// The transaction, which is begun for the first who asks.
    pub(crate) async fn begin(
        &self,
        tenancy: &Tenancy,
        tenant: &TenantInfo,
    ) -> Result<OpenTransaction, TenantProblem> {
        self.was_asked_for.set(true);
        let mut transaction = self.transaction.lock().await;
        if self.is_over.get() {
            return Err(TenantProblem::NobodyEndsTransaction);
        }
        if let Some(begun) = &*transaction {
            return Ok(Arc::clone(begun));
        }
        let db = tenancy.for_admitted(tenant).await?;
        let begun = Arc::new(db.begin().await.map_err(TenantError::from)?);
        // The handler may have answered without waiting for this.
        if self.is_over.get() {
            return Err(TenantProblem::NobodyEndsTransaction);
        }
        *transaction = Some(Arc::clone(&begun));
        Ok(begun)
    }

    /// Commits if the request was answered well, and else rolls back, if anybody asked for a
    /// transaction. Nothing begins from here on.
    pub(crate) fn end<B: MessageBody>(
        self: &Rc<Self>,
        response: &ServiceResponse<B>,
    ) -> Option<impl Future<Output = Result<(), TenantProblem>> + use<B>> {
        self.is_over.set(true);
        if !self.was_asked_for.get() {
            return None;
        }
        // A handler that fails may still redirect.
        let is_error = response.response().error().is_some();
        let status = response.status();
        let is_good = !is_error && (status.is_success() || status.is_redirection());
        let slot = Rc::clone(self);
        Some(async move { slot.end_begun(is_good).await })
    }

    /// Lets go of the transaction of a request that nobody answers, which rolls it back once nobody
    /// else has it. The request itself may be kept for long, by a task say. Never waits.
    pub(crate) fn close(&self) {
        self.is_over.set(true);
        // Whoever has the lock is still beginning, and finds that it is over.
        if let Some(mut slot) = self.transaction.try_lock() {
            slot.take();
        }
    }

    async fn end_begun(&self, is_good: bool) -> Result<(), TenantProblem> {
        // Somebody is still beginning, whom nobody may be polling: not to be waited for.
        let Some(mut slot) = self.transaction.try_lock() else {
            return if is_good {
                Err(TenantProblem::TransactionHeld)
            } else {
                Ok(())
            };
        };
        let Some(transaction) = slot.take() else {
            return Ok(());
        };
        match (Arc::try_unwrap(transaction), is_good) {
            (Ok(transaction), true) => Ok(transaction.commit().await.map_err(TenantError::from)?),
            (Ok(transaction), false) => {
                // Nothing is lost when it fails: what is not committed is not there.
                if let Err(error) = transaction.rollback().await {
                    tracing::warn!(%error, "a transaction was not rolled back cleanly");
                }
                Ok(())
            }
            // Whoever holds it goes on in it, and rolls it back in the end.
            (Err(_held), true) => Err(TenantProblem::TransactionHeld),
            (Err(_held), false) => Ok(()),
        }
    }
}
