//! How requests name their tenant.
//!
//! | strategy | the tenant is named by |
//! |---|---|
//! | [`Header`] | a header: `X-Tenant-ID: acme` |
//! | [`Subdomain`] | a label before a domain: `acme.books.example` |
//! | [`HostMap`] | a whole host: `books.acme.example` |
//! | [`PathSegment`] | a segment of the path: `/acme/books` |
//! | [`QueryParameter`] | a parameter: `?tenant=acme` |
//! | `Cookie` (feature `cookies`) | a cookie |
//! | `Claim` (feature `jwt`) | a claim of a verified token |
//! | [`Custom`] | a closure of your own, which may be async |
//!
//! A header, a parameter, a cookie or a path is whatever the client says: it tells which tenant a
//! request is *for*, and not that its sender may go there. Check that in your own authentication,
//! or have the tenant named by a token and [agreed](crate::TenantMiddleware::require_agreement) upon.

mod chain;
#[cfg(feature = "jwt")]
mod claim;
#[cfg(feature = "cookies")]
mod cookie;
mod custom;
mod header;
mod host_map;
mod path_segment;
mod query;
mod subdomain;

/// The crate that has the keys of [`Claim`].
#[cfg(feature = "jwt")]
#[doc(no_inline)]
pub use jsonwebtoken;

use actix_web::{dev::ServiceRequest, http::header::HeaderName};
use futures_util::future::LocalBoxFuture;
use tenant_core::TenantId;

pub(crate) use self::chain::{Named, Progress, Strategies};
#[cfg(feature = "jwt")]
pub use self::claim::{Claim, ClaimBuilder};
#[cfg(feature = "cookies")]
pub use self::cookie::Cookie;
pub use self::{
    custom::Custom, header::Header, host_map::HostMap, path_segment::PathSegment,
    query::QueryParameter, subdomain::Subdomain,
};
use crate::{TenantProblem, TenantRequest};

/// One way in which a request may name its tenant.
pub trait TenantStrategy: Send + Sync {
    /// What the strategy is called, in traces and in the logs.
    fn name(&self) -> &'static str;

    /// The tenant that the request names.
    ///
    /// Where this is [`Later`](Identification::Later), it may be called twice for a request, the
    /// first future being dropped: do what counts in the future.
    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a>;

    /// The headers that this reads: caches then keep answers apart by them (`Vary`). Asked when the
    /// application is built, and not for each request.
    fn varies_by(&self) -> Vec<HeaderName> {
        Vec::new()
    }

    /// Takes what named the tenant out of the request, before it is routed. Called when this
    /// strategy found the tenant, and that one is served. Does nothing unless implemented.
    fn consume(&self, request: &mut ServiceRequest) {
        let _ = request;
    }
}

/// What a strategy found: a tenant, `None` where the request has nothing for it, or a reason to
/// refuse the request.
pub type Identified = Result<Option<TenantId>, TenantProblem>;

/// What a strategy found, or is going to find.
#[allow(missing_debug_implementations, reason = "futures have none")]
pub enum Identification<'a> {
    /// It was all in the request.
    Now(Identified),
    /// Somebody has to be asked.
    Later(LocalBoxFuture<'a, Identified>),
}

impl From<Identified> for Identification<'_> {
    fn from(identified: Identified) -> Self {
        Self::Now(identified)
    }
}

/// The tenant of that name, if there is a name.
fn tenant_named(name: Option<&str>) -> Identified {
    Ok(name.map(TenantId::try_from).transpose()?)
}
