use actix_web::http::header::{self, HeaderName};

use super::{Identification, Identified, TenantStrategy, tenant_named};
use crate::{TenantProblem, TenantRequest};

/// The tenant is named by a cookie. One that is there more than once is refused: a page of another
/// subdomain may have planted the second.
#[derive(Clone, Debug)]
pub struct Cookie(String);

impl Cookie {
    /// The cookie of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    fn find(&self, request: &TenantRequest<'_>) -> Identified {
        let cookies = request.request().cookies();
        let cookies = cookies.map_err(|error| TenantProblem::ambiguous(error.to_string()))?;
        let mut named = cookies.iter().filter(|cookie| cookie.name() == self.0);
        let first = named.next();
        if named.next().is_some() {
            return Err(TenantProblem::ambiguous(format!(
                "the cookie {} is there more than once",
                self.0
            )));
        }
        tenant_named(first.map(|cookie| cookie.value()))
    }
}

impl TenantStrategy for Cookie {
    fn name(&self) -> &'static str {
        "cookie"
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        self.find(request).into()
    }

    fn varies_by(&self) -> Vec<HeaderName> {
        vec![header::COOKIE]
    }
}
