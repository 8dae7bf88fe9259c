use std::{fmt, future::Future, pin::Pin};

use actix_web::http::header::HeaderName;

use super::{Identification, Identified, TenantStrategy};
use crate::TenantRequest;

/// The tenant is found by a closure: from what authentication left with the request, from an API key
/// in a table, ..
///
/// ```
/// # use actix_web::HttpMessage as _;
/// # use tenant_actix::{TenantMiddleware, strategy::Custom};
/// # #[derive(Clone)] struct Login { tenant: tenant_core::TenantId }
/// # async fn tenant_of(host: &str) -> Option<tenant_core::TenantId> { None }
/// # fn example(tenancy: tenant_core::Tenancy) {
/// TenantMiddleware::new(tenancy)
///     .strategy(Custom::new("login", |request| {
///         let extensions = request.request().extensions();
///         Ok(extensions.get::<Login>().map(|login| login.tenant.clone()))
///     }))
///     .strategy(Custom::later("customer's domain", |request| {
///         Box::pin(async move {
///             match request.host()? {
///                 Some(host) => Ok(tenant_of(&host).await),
///                 None => Ok(None),
///             }
///         })
///     }));
/// # }
/// ```
pub struct Custom<F> {
    name: &'static str,
    find: F,
    varies_by: Option<HeaderName>,
}

impl<F> Custom<F> {
    /// The header that the closure reads. Caches then keep answers apart by it (`Vary`).
    #[must_use]
    pub fn varies_by(mut self, header: HeaderName) -> Self {
        self.varies_by = Some(header);
        self
    }
}

/// A closure that finds the tenant in the request itself.
#[allow(missing_debug_implementations, reason = "closures have none")]
pub struct Now<F>(F);

/// A closure that has to ask for the tenant.
#[allow(missing_debug_implementations, reason = "closures have none")]
pub struct Later<F>(F);

/// What a closure that has to ask returns.
type Asking<'a> = Pin<Box<dyn Future<Output = Identified> + 'a>>;

impl<F> Custom<Now<F>>
where
    F: Fn(&TenantRequest<'_>) -> Identified + Send + Sync,
{
    /// A closure that finds the tenant in the request. The name is for traces and logs.
    pub fn new(name: &'static str, find: F) -> Self {
        Self {
            name,
            find: Now(find),
            varies_by: None,
        }
    }
}

impl<F> Custom<Later<F>>
where
    F: for<'a> Fn(&'a TenantRequest<'a>) -> Asking<'a> + Send + Sync,
{
    /// A closure that returns a future. The request waits for it: bound its time, and remember what
    /// it found.
    pub fn later(name: &'static str, find: F) -> Self {
        Self {
            name,
            find: Later(find),
            varies_by: None,
        }
    }
}

impl<F> TenantStrategy for Custom<Now<F>>
where
    F: Fn(&TenantRequest<'_>) -> Identified + Send + Sync,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        Identification::Now((self.find.0)(request))
    }

    fn varies_by(&self) -> Option<HeaderName> {
        self.varies_by.clone()
    }
}

impl<F> TenantStrategy for Custom<Later<F>>
where
    F: for<'a> Fn(&'a TenantRequest<'a>) -> Asking<'a> + Send + Sync,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        Identification::Later((self.find.0)(request))
    }

    fn varies_by(&self) -> Option<HeaderName> {
        self.varies_by.clone()
    }
}

impl<F> fmt::Debug for Custom<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
