use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::future::LocalBoxFuture;
use tenant_core::{SourceTransaction, TenantConnection};

use super::connection::impl_connection;
use crate::{TenantProblem, admission::Access, transaction::OpenTransaction};

/// A transaction of the tenant that a request is for, which the middleware ends: it commits when the
/// handler answers 2xx or 3xx, and rolls back otherwise: on another status, on an error of whatever
/// status, on a panic, and when the handler is dropped because its client went away. The answer is
/// sent when the transaction has ended; one that could not be committed is a problem instead.
///
/// A request has one: a handler that asks twice works in the same.
///
/// It must be gone when the handler has answered. One that a task or the response's body still holds
/// is rolled back, and the answer is 500. Stream from [`TenantDb`](crate::TenantDb). None begins for a
/// request that is over, whoever still has its `HttpRequest`.
///
/// What counts is the answer as it reaches [`TenantMiddleware`](crate::TenantMiddleware): middleware
/// inside that makes another one of it, a page of an error say, decides with the status that it
/// gives. And take no `Option<TenantTransaction>`: actix makes it `None` when beginning fails.
///
/// # Clients that go away
///
/// On HTTP/1, actix drops a handler when its connection breaks. A client that only closes its
/// sending half counts as one that still listens, unless `HttpServer::h1_allow_half_closed(false)`
/// is set. On HTTP/2, actix lets handlers run to their end, and what they answer well is committed.
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
        let request = request.clone();
        Box::pin(async move { Ok(Self(Access::of(&request)?.transaction().await?)) })
    }
}

impl_connection!(TenantTransaction, TenantConnection<SourceTransaction>);
