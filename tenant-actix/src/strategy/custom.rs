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
pub struct Custom {
    name: &'static str,
    find: Find,
    varies_by: Vec<HeaderName>,
}

enum Find {
    Now(Box<dyn Fn(&TenantRequest<'_>) -> Identified + Send + Sync>),
    Later(Box<dyn for<'a> Fn(&'a TenantRequest<'a>) -> Asking<'a> + Send + Sync>),
}

/// What a closure that has to ask returns.
type Asking<'a> = Pin<Box<dyn Future<Output = Identified> + 'a>>;

impl Custom {
    /// A closure that finds the tenant in the request. The name is for traces and logs.
    pub fn new(
        name: &'static str,
        find: impl Fn(&TenantRequest<'_>) -> Identified + Send + Sync + 'static,
    ) -> Self {
        Self::of(name, Find::Now(Box::new(find)))
    }

    /// A closure that returns a future. The request waits for it: bound its time, and remember what
    /// it found.
    pub fn later(
        name: &'static str,
        find: impl for<'a> Fn(&'a TenantRequest<'a>) -> Asking<'a> + Send + Sync + 'static,
    ) -> Self {
        Self::of(name, Find::Later(Box::new(find)))
    }

    /// One more header that the closure reads. Caches then keep answers apart by it (`Vary`).
    #[must_use]
    pub fn varies_by(mut self, header: HeaderName) -> Self {
        self.varies_by.push(header);
        self
    }

    fn of(name: &'static str, find: Find) -> Self {
        Self {
            name,
            find,
            varies_by: Vec::new(),
        }
    }
}

impl TenantStrategy for Custom {
    fn name(&self) -> &'static str {
        self.name
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        match &self.find {
            Find::Now(find) => Identification::Now(find(request)),
            Find::Later(find) => Identification::Later(find(request)),
        }
    }

    fn varies_by(&self) -> Vec<HeaderName> {
        self.varies_by.clone()
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("name", &self.name)
            .field("varies_by", &self.varies_by)
            .finish_non_exhaustive()
    }
}
