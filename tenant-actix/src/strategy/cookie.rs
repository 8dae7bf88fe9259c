use actix_web::http::header::{self, HeaderName};

use super::{Identification, Identified, TenantStrategy, tenant_named};
use crate::{InvalidSetting, TenantProblem, TenantRequest};

/// The tenant is named by a cookie. One that is there more than once is refused: a page of another
/// subdomain may have planted the second.
#[derive(Clone, Debug)]
pub struct Cookie(String);

impl Cookie {
    /// The cookie of that name.
    ///
    /// # Errors
    ///
    /// It is no cookie name: RFC 6265 has visible ASCII there, without separators.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidSetting> {
        let name = name.into();
        // Both are what HTTP calls a token.
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(_) => Ok(Self(name)),
            Err(_) => Err(InvalidSetting::new(
                "the cookie name",
                &name,
                "it is empty, or has a blank, a separator or something that is not ASCII",
            )),
        }
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
