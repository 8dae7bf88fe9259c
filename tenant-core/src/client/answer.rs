//! What the service's answers mean. Their content is not trusted: it is read as plain text, and
//! then looked at.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, error::Category};

use super::{ServiceError, request::Failure};
use crate::{
    ConnectionInfo, DatabaseUrl, ListedTenant, TenantError, TenantId, TenantInfo, TenantPage,
};

/// A body that ends within its JSON was cut off on its way.
pub(super) fn check_whole(body: &[u8]) -> Result<(), Failure> {
    match serde_json::from_slice::<IgnoredAny>(body) {
        Err(error) if error.classify() == Category::Eof => {
            Err(Failure::passing(ServiceError::Truncated))
        }
        _ => Ok(()),
    }
}

/// Whether the body of an answer with status 404 is about the tenant, and not about the URL: only the
/// service's own problem is. Whatever stands in front of it answers in JSON, too, for a service that is
/// away.
pub(super) fn is_unknown_tenant(body: &[u8]) -> bool {
    let problem = serde_json::from_slice::<Map<String, Value>>(body);
    problem.is_ok_and(|problem| problem.get("type").and_then(Value::as_str) == Some(UNKNOWN_TENANT))
}

const UNKNOWN_TENANT: &str = "tag:sea-orm-tenant,2026:unknown-tenant";

pub(super) fn info(body: &[u8], id: &TenantId) -> Result<TenantInfo, TenantError> {
    let wire: WireInfo = read(body)?;
    check_tenant(&wire.id, id)?;
    wire.into_info(id)
}

pub(super) fn connection(body: &[u8], id: &TenantId) -> Result<ConnectionInfo, TenantError> {
    let wire: WireConnection = read(body)?;
    check_tenant(&wire.tenant, id)?;
    let place = wire.into_connection();
    place.map_err(|reason| TenantError::invalid_entry(id, reason))
}

pub(super) fn page(body: &[u8]) -> Result<TenantPage, TenantError> {
    let wire: WirePage = read(body)?;
    let id = |id: Option<&str>| {
        let id = id.and_then(|id| TenantId::try_from(id).ok());
        id.ok_or_else(|| ServiceError::Body {
            what: "it lists something that is no tenant id".to_owned(),
        })
    };
    let mut tenants = Vec::with_capacity(wire.tenants.len());
    for entry in wire.tenants {
        let id = id(entry.get("id").and_then(Value::as_str))?;
        let info = listed(&id, entry);
        tenants.push(ListedTenant::new(id, info));
    }
    let next = wire.next.map(|next| id(Some(&next))).transpose()?;
    Ok(TenantPage::new(tenants, next))
}

/// An entry of a page that makes no sense is its own tenant's trouble.
fn listed(id: &TenantId, entry: Map<String, Value>) -> Result<TenantInfo, TenantError> {
    if entry.contains_key("error") {
        let reason = "the service cannot read it";
        return Err(TenantError::invalid_entry(id, reason));
    }
    let wire: WireInfo = serde_json::from_value(Value::Object(entry))
        .map_err(|_| TenantError::invalid_entry(id, "it is not what is documented"))?;
    wire.into_info(id)
}

/// The tenant in the data of an event, if it is one.
pub(super) fn changed(data: &str) -> Option<TenantId> {
    let wire: WireChange = serde_json::from_str(data).ok()?;
    TenantId::try_from(wire.tenant).ok()
}

fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, TenantError> {
    serde_json::from_slice(body).map_err(|error| ServiceError::json(&error).into())
}

fn check_tenant(answered: &str, asked: &TenantId) -> Result<(), TenantError> {
    if answered == asked.as_str() {
        return Ok(());
    }
    Err(TenantError::invalid_entry(
        asked,
        "it is that of another tenant",
    ))
}

#[derive(Deserialize)]
struct WireInfo {
    id: String,
    name: String,
    status: String,
    plan: Option<String>,
    metadata: Option<Map<String, Value>>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

impl WireInfo {
    /// The tenant `id`, which is what the answer says too.
    fn into_info(self, id: &TenantId) -> Result<TenantInfo, TenantError> {
        let invalid = |reason| TenantError::invalid_entry(id, reason);
        let status = self
            .status
            .parse()
            .map_err(|_| invalid("its status is none that is known here"))?;
        let time = |text: Option<String>| {
            text.map(|text| humantime::parse_rfc3339(&text))
                .transpose()
                .map_err(|_| invalid("a time of it is not RFC 3339 in UTC"))
        };
        let created_at = time(self.created_at)?;
        let updated_at = time(self.updated_at)?;
        Ok(TenantInfo {
            id: id.clone(),
            name: self.name,
            status,
            plan: self.plan,
            metadata: self.metadata.unwrap_or_default(),
            created_at,
            updated_at,
        })
    }
}

/// Holds a secret: no `Debug`.
#[derive(Deserialize)]
struct WireConnection {
    tenant: String,
    url: String,
    schema: String,
    placement: String,
}

impl WireConnection {
    /// The error is the reason, which repeats no value of the answer's: any of them may turn out to
    /// be the URL.
    fn into_connection(self) -> Result<ConnectionInfo, &'static str> {
        let url = DatabaseUrl::new(self.url)
            .map_err(|_| "its URL is none of a database that can be used")?;
        let placement = self
            .placement
            .parse()
            .map_err(|_| "its placement is neither shared nor dedicated")?;
        ConnectionInfo::of_parts(&url, &self.schema, placement)
            .map_err(|_| "its schema is not one of such a database")
    }
}

#[derive(Deserialize)]
struct WirePage {
    tenants: Vec<Map<String, Value>>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct WireChange {
    tenant: String,
}
