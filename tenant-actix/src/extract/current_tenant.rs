use std::{ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;
use tenant_core::TenantInfo;

use crate::{TenantProblem, admission::Access};

/// What is known about the tenant that a request is for: its id, name, plan and metadata.
///
/// `Option<CurrentTenant>` is `None` on paths that are served without a tenant.
///
/// ```
/// use tenant_actix::CurrentTenant;
///
/// async fn name(tenant: CurrentTenant) -> String {
///     tenant.name.clone()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentTenant(Arc<TenantInfo>);

impl CurrentTenant {
    /// The info itself.
    #[must_use]
    pub fn into_inner(self) -> Arc<TenantInfo> {
        self.0
    }
}

impl Deref for CurrentTenant {
    type Target = TenantInfo;

    fn deref(&self) -> &TenantInfo {
        &self.0
    }
}

impl FromRequest for CurrentTenant {
    type Error = TenantProblem;
    type Future = LocalBoxFuture<'static, Result<Self, TenantProblem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(Access::of(&request)?.info().await?)) })
    }
}
