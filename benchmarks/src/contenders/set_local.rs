use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, TransactionTrait as _};

use super::{Contender, To};
use crate::{BoxError, library::plain, load::Request};

/// Each request is a transaction with a search path.
pub(super) struct SetLocal {
    db: DatabaseConnection,
    set: Vec<String>,
}

impl SetLocal {
    pub(super) async fn open(to: &To<'_>) -> Result<Self, BoxError> {
        let mut options = to.tenants.options(to.application, to.limits.connections);
        options.test_before_acquire(false);
        let set = |schema| format!(r#"SET LOCAL search_path = "{schema}""#);
        Ok(Self {
            db: Database::connect(options).await?,
            set: to.tenants.schemas().map(set).collect(),
        })
    }
}

#[async_trait::async_trait]
impl Contender for SetLocal {
    async fn answer(&self, request: Request) -> Result<(), BoxError> {
        let transaction = self.db.begin().await?;
        transaction
            .execute_unprepared(&self.set[request.tenant])
            .await?;
        plain::ask(&transaction, request.what, request.key).await?;
        Ok(transaction.commit().await?)
    }

    async fn close(&self) {
        let _ = self.db.close_by_ref().await;
    }
}
