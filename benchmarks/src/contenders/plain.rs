use sea_orm::{Database, DatabaseConnection};

use super::{Contender, To};
use crate::{BoxError, library::plain, load::Request};

/// An application without tenants.
pub(super) struct Plain(DatabaseConnection);

impl Plain {
    pub(super) async fn open(to: &To<'_>, ping: bool) -> Result<Self, BoxError> {
        let mut options = to.tenants.options(to.application, to.limits.connections);
        let schema = to.tenants.schemas().next().ok_or("there is no tenant")?;
        options
            .set_schema_search_path(schema.as_str())
            .test_before_acquire(ping);
        Ok(Self(Database::connect(options).await?))
    }
}

#[async_trait::async_trait]
impl Contender for Plain {
    async fn answer(&self, request: Request) -> Result<(), BoxError> {
        Ok(plain::answer(&self.0, request.what, request.key).await?)
    }

    async fn close(&self) {
        let _ = self.0.close_by_ref().await;
    }
}
