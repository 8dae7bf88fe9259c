use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use sea_orm::{DbErr, TransactionTrait as _};
use tenant_core::{SourceTransaction, Tenancy, TenantConnection, TenantError};

use super::{LeakCheck, LeakReport, Visit};
use crate::TestkitError;

/// How the transaction of a visit ends. They take turns.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Commit,
    Rollback,
    /// A savepoint is rolled back, the visit is repeated in what is around it, and that is rolled back.
    Savepoint,
    /// Neither is said: both are dropped.
    Dropped,
}

const ENDINGS: [Ending; 4] = [
    Ending::Savepoint,
    Ending::Commit,
    Ending::Dropped,
    Ending::Rollback,
];

impl LeakCheck {
    /// Visits code that works on a tenant's transaction, as [`run`](Self::run) does. Some of the
    /// transactions are committed, some rolled back, some dropped; and some are savepoints that are
    /// rolled back, after which the visit is repeated in the transaction around them.
    ///
    /// ```no_run
    /// # use sea_orm::{EntityTrait, ConnectionTrait};
    /// # async fn test<E: tenant_core::TenantScoped>(mut check: tenant_testkit::LeakCheck) -> Result<(), tenant_testkit::TestkitError> {
    /// let report = check
    ///     .run_in_transactions(async |visit, transaction| E::find().all(transaction).await)
    ///     .await?;
    /// report.assert_none();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run). What a transaction says is part of what the visit returns.
    pub async fn run_in_transactions<T: fmt::Debug>(
        &mut self,
        visit: impl AsyncFn(&Visit, &TenantConnection<SourceTransaction>) -> T,
    ) -> Result<LeakReport, TestkitError> {
        let tenancy = self.tenancy().clone();
        let count = AtomicUsize::new(0);
        self.run(async |visited| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let ending = ENDINGS
                .get(number % ENDINGS.len())
                .copied()
                .unwrap_or(Ending::Commit);
            in_transaction(&tenancy, &visited, ending, &visit).await
        })
        .await
    }
}

async fn in_transaction<T>(
    tenancy: &Tenancy,
    visited: &Visit,
    ending: Ending,
    visit: &impl AsyncFn(&Visit, &TenantConnection<SourceTransaction>) -> T,
) -> Result<Vec<T>, TenantError> {
    let db = tenancy.for_tenant(visited.tenant()).await?;
    let transaction = db.begin().await?;
    let mut returned = Vec::new();
    if let Ending::Savepoint | Ending::Dropped = ending {
        let savepoint = transaction.begin().await?;
        returned.push(visit(visited, &savepoint).await);
        if let Ending::Savepoint = ending {
            savepoint.rollback().await?;
        }
    }
    if !matches!(ending, Ending::Dropped) {
        returned.push(visit(visited, &transaction).await);
    }
    let ended: Result<(), DbErr> = match ending {
        Ending::Commit => transaction.commit().await,
        Ending::Rollback | Ending::Savepoint => transaction.rollback().await,
        Ending::Dropped => Ok(()),
    };
    ended?;
    Ok(returned)
}
