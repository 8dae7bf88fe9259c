use actix_web::http::header::HeaderName;

use super::{Identification, TenantStrategy, tenant_named};
use crate::{InvalidSetting, TenantRequest};

/// The tenant is named by a header. One that is there more than once is refused, and so is one that
/// is empty.
#[derive(Clone, Debug)]
pub struct Header(HeaderName);

impl Header {
    /// The header of that name, in any case.
    ///
    /// # Errors
    ///
    /// It is no header name.
    pub fn new(name: &str) -> Result<Self, InvalidSetting> {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => Ok(Self(name)),
            Err(error) => Err(InvalidSetting::new("the header name", name, error)),
        }
    }
}

/// `X-Tenant-ID`.
impl Default for Header {
    fn default() -> Self {
        Self(HeaderName::from_static("x-tenant-id"))
    }
}

impl TenantStrategy for Header {
    fn name(&self) -> &'static str {
        "header"
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        request.header(&self.0).and_then(tenant_named).into()
    }

    fn varies_by(&self) -> Vec<HeaderName> {
        vec![self.0.clone()]
    }
}
