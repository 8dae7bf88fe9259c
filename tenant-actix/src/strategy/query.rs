use url::form_urlencoded;

use super::{Identification, Identified, TenantStrategy, tenant_named};
use crate::{InvalidSetting, TenantProblem, TenantRequest};

/// The tenant is named by a parameter of the query: `?tenant=acme`. One that is there more than once
/// is refused.
///
/// Queries end up in logs, in histories and in `Referer` headers, and the tenant's name with them.
#[derive(Clone, Debug)]
pub struct QueryParameter(String);

impl QueryParameter {
    /// The parameter of that name, as it is before it is encoded.
    ///
    /// # Errors
    ///
    /// It is empty.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidSetting> {
        let name = name.into();
        if name.is_empty() {
            return Err(InvalidSetting::new("the parameter", &name, "it is empty"));
        }
        Ok(Self(name))
    }

    fn find(&self, request: &TenantRequest<'_>) -> Identified {
        let query = request.request().query_string();
        let mut values = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| *name == self.0)
            .map(|(_, value)| value);
        let first = values.next();
        if values.next().is_some() {
            return Err(TenantProblem::ambiguous(format!(
                "the parameter {} is there more than once",
                self.0
            )));
        }
        tenant_named(first.as_deref())
    }
}

impl TenantStrategy for QueryParameter {
    fn name(&self) -> &'static str {
        "query"
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        self.find(request).into()
    }
}
