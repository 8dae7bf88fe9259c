//! The job that looks for overdue loans, in every library by turns.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::Expr,
};
use sea_orm_tenant::{Tenancy, TenantContext, TenantError};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{
    entity::{book, loan},
    libraries::Libraries,
};

/// Reminds borrowers at an interval, until it is told to stop. Rounds never overlap: one that takes
/// longer than the interval moves the next.
pub async fn run(libraries: Arc<Libraries>, every: Duration, mut stop: watch::Receiver<bool>) {
    let mut rounds = interval(every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = rounds.tick() => {}
        }
        round(&libraries, &stop).await;
    }
}

/// Goes through all libraries. What happens in one is no other's concern.
async fn round(libraries: &Libraries, stop: &watch::Receiver<bool>) {
    let tenants = match libraries.all().await {
        Ok(tenants) => tenants,
        Err(error) => {
            tracing::warn!(%error, "no reminders: the libraries could not be listed");
            return;
        }
    };
    for tenant in tenants {
        if *stop.borrow() {
            return;
        }
        // From here on the log says which library it is about, and `Tenancy::current` reaches it.
        let reminding = TenantContext::scope(tenant, async {
            match remind(libraries.tenancy()).await {
                Ok(0) => {}
                Ok(reminded) => tracing::info!(reminded, "borrowers were reminded"),
                // It is not served now, or no more.
                Err(
                    TenantError::Suspended { .. }
                    | TenantError::InMaintenance { .. }
                    | TenantError::NotReady { .. }
                    | TenantError::Archived { .. }
                    | TenantError::UnknownTenant { .. },
                ) => {}
                Err(error) => tracing::error!(%error, "borrowers were not reminded"),
            }
        });
        reminding.await;
    }
}

/// How many loans are looked at together.
const BATCH: usize = 100;

/// Reminds the current library's borrowers, and says how many.
async fn remind(tenancy: &Tenancy) -> Result<u64, TenantError> {
    let db = tenancy.current().await?;
    let mut reminded = 0;
    loop {
        let overdue = loan::Entity::find()
            .filter(loan::Column::ReturnedAt.is_null())
            .filter(loan::Column::Reminded.eq(false))
            .filter(loan::Column::DueOn.lt(loan::now()))
            .find_also_related(book::Entity)
            .order_by_asc(loan::Column::Id)
            .limit(BATCH as u64)
            .all(&db)
            .await?;
        let looked_at = overdue.len();
        for (loan, book) in overdue {
            // Of several instances of this program, one finds the loan as it was.
            let marked = loan::Entity::update_many()
                .col_expr(loan::Column::Reminded, Expr::value(true))
                .filter(loan::Column::Id.eq(loan.id))
                .filter(loan::Column::Reminded.eq(false))
                .exec(&db)
                .await?;
            if marked.rows_affected == 1 {
                reminded += 1;
                let title = book.map(|book| book.title).unwrap_or_default();
                // A real library would write to the borrower, whose name is not for the log.
                tracing::info!(loan = loan.id, title, "overdue");
            }
        }
        if looked_at < BATCH {
            return Ok(reminded);
        }
    }
}
