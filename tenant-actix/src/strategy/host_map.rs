use std::collections::HashMap;

use tenant_core::TenantId;

use super::{Identification, Identified, TenantStrategy};
use crate::{InvalidSetting, TenantRequest, host::Host};

/// The tenant is named by the whole host: `books.acme.example` is `acme`'s. Other hosts name none.
///
/// For hosts that customers bring themselves, and that change while the application runs, ask where
/// they are kept from a [`Custom`](super::Custom) strategy with [`TenantRequest::host`].
#[derive(Clone, Debug)]
pub struct HostMap(HashMap<Host, TenantId>);

impl HostMap {
    /// Hosts, without ports, and whose they are.
    ///
    /// # Errors
    ///
    /// One of them is no host, or has a port, or is there for two tenants.
    pub fn new<H: AsRef<str>>(
        hosts: impl IntoIterator<Item = (H, TenantId)>,
    ) -> Result<Self, InvalidSetting> {
        let mut map = HashMap::new();
        for (name, tenant) in hosts {
            let name = name.as_ref();
            let invalid = |reason: &str| InvalidSetting::new("the host", name, reason);
            let host = Host::parse(name).map_err(|error| invalid(&error.to_string()))?;
            let bare = name.strip_suffix('.').unwrap_or(name);
            if bare.len() != host.as_str().len() {
                return Err(invalid("ports do not count; leave it out"));
            }
            if map
                .insert(host, tenant.clone())
                .is_some_and(|other| other != tenant)
            {
                return Err(invalid("two tenants have it"));
            }
        }
        Ok(Self(map))
    }

    fn find(&self, request: &TenantRequest<'_>) -> Identified {
        let host = request.parsed_host()?;
        Ok(host.and_then(|host| self.0.get(&host).cloned()))
    }
}

impl TenantStrategy for HostMap {
    fn name(&self) -> &'static str {
        "host"
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        self.find(request).into()
    }
}
