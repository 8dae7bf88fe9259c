use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;
use tenant_core::{SourceTransaction, TenantConnection, TenantContext};

use super::connection::impl_connection;
use crate::{
    TenantProblem,
    admission::{Access, OpenTransaction},
};

/// A transaction of the tenant that a request is for, which the middleware ends: it commits when the
/// answer is 2xx or 3xx, and rolls back otherwise, on a panic, and when the client goes away while
/// the handler runs. The answer is sent when the transaction has ended; one that could not be
/// committed is a problem instead.
///
/// A request has one: a handler that asks twice works in the same.
///
/// It must be gone when the handler has answered. One that a task or the response's body still holds
/// is rolled back, and the answer is 500. Stream from [`TenantDb`](crate::TenantDb).
///
/// # Clients that go away
///
/// Actix drops a handler when its connection breaks. A client that only closes its sending half
/// counts as one that still listens, unless `HttpServer::h1_allow_half_closed(false)` is set.
#[derive(Debug)]
pub struct TenantTransaction(OpenTransaction);

impl Deref for TenantTransaction {
    type Target = TenantConnection<SourceTransaction>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromRequest for TenantTransaction {
    type Error = TenantProblem;
    type Future = LocalBoxFuture<'static, Result<Self, TenantProblem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let access = Access::of(request);
        Box::pin(async move { begin(access?).await.map(Self) })
    }
}

async fn begin(access: Access) -> Result<OpenTransaction, TenantProblem> {
    match access {
        Access::Admitted(admission) => admission.transaction().await,
        // Nobody would end it. With another tenant current, the middleware must not.
        Access::LookUp(_) => {
            TenantContext::current()?;
            Err(TenantProblem::NoMiddleware)
        }
    }
}

impl_connection!(TenantTransaction, TenantConnection<SourceTransaction>);
