use super::{Identification, Identified, TenantStrategy, tenant_named};
use crate::{InvalidSetting, TenantProblem, TenantRequest, host::Host};

/// The tenant is named by the label before a domain: `acme` in `acme.books.example`.
///
/// The domain itself, `www` before it, other hosts and IP addresses name no tenant. More than one
/// label before the domain is refused.
#[derive(Clone, Debug)]
pub struct Subdomain {
    domain: String,
    reserved: Vec<String>,
}

impl Subdomain {
    /// Subdomains of that domain.
    ///
    /// # Errors
    ///
    /// It is no domain.
    pub fn of(domain: &str) -> Result<Self, InvalidSetting> {
        let invalid = |reason: &str| InvalidSetting::new("the domain", domain, reason);
        let host = Host::parse(domain).map_err(|error| invalid(&error.to_string()))?;
        if host.as_str().starts_with('[') || domain.contains(':') {
            return Err(invalid("it is an address, or has a port"));
        }
        Ok(Self {
            domain: host.to_string(),
            reserved: vec!["www".to_owned()],
        })
    }

    /// More labels that are no tenants, besides `www`: `api`, `admin`.
    #[must_use]
    pub fn reserved<L: AsRef<str>>(mut self, labels: impl IntoIterator<Item = L>) -> Self {
        let labels = labels.into_iter();
        self.reserved
            .extend(labels.map(|label| label.as_ref().to_ascii_lowercase()));
        self
    }

    fn find(&self, request: &TenantRequest<'_>) -> Identified {
        let Some(host) = request.parsed_host()? else {
            return Ok(None);
        };
        let label = host.as_str().strip_suffix(&self.domain);
        let Some(label) = label.and_then(|before| before.strip_suffix('.')) else {
            return Ok(None);
        };
        if label.contains('.') {
            return Err(TenantProblem::ambiguous(
                "the host has more than one label before the domain",
            ));
        }
        if self.reserved.iter().any(|reserved| reserved == label) {
            return Ok(None);
        }
        tenant_named(Some(label))
    }
}

impl TenantStrategy for Subdomain {
    fn name(&self) -> &'static str {
        "subdomain"
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        self.find(request).into()
    }
}
