//! What the service's answers mean. Their content is not trusted: it is read as plain text, and
//! then looked at.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value, error::Category};

use super::{ServiceError, request::Failure};
use crate::{
    ConnectionInfo, DatabaseUrl, Placement, SchemaName, TenantError, TenantId, TenantInfo,
    TenantPage,
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

/// Whether the body of an answer with status 404 is about the tenant, and not about the URL.
pub(super) fn is_unknown_tenant(body: &[u8]) -> bool {
    match serde_json::from_slice::<Map<String, Value>>(body) {
        Ok(problem) => match problem.get("type") {
            None => true,
            Some(Value::String(kind)) => kind == UNKNOWN_TENANT || kind == "about:blank",
            Some(_) => false,
        },
        Err(_) => false,
    }
}

const UNKNOWN_TENANT: &str = "tag:sea-orm-tenant,2026:unknown-tenant";

pub(super) fn info(body: &[u8], id: &TenantId) -> Result<TenantInfo, TenantError> {
    let wire: WireInfo = read(body)?;
    check_tenant(&wire.id, id)?;
    wire.into_info(id.clone())
}

pub(super) fn connection(body: &[u8], id: &TenantId) -> Result<ConnectionInfo, TenantError> {
    let wire: WireConnection = read(body)?;
    check_tenant(&wire.tenant, id)?;
    wire.into_connection().map_err(|reason| invalid(id, reason))
}

pub(super) fn page(body: &[u8]) -> Result<TenantPage, TenantError> {
    let wire: WirePage = read(body)?;
    let id = |id: String| {
        TenantId::try_from(id).map_err(|_| ServiceError::Body {
            what: "it lists something that is no tenant id".to_owned(),
        })
    };
    let mut tenants = Vec::with_capacity(wire.tenants.len());
    for mut tenant in wire.tenants {
        let id = id(std::mem::take(&mut tenant.id))?;
        tenants.push(tenant.into_info(id)?);
    }
    let next = wire.next.map(id).transpose()?;
    Ok(TenantPage { tenants, next })
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
    Err(invalid(asked, "it is that of another tenant"))
}

fn invalid(tenant: &TenantId, reason: impl Into<String>) -> TenantError {
    TenantError::InvalidStoreEntry {
        tenant: tenant.clone(),
        reason: reason.into(),
    }
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
    fn into_info(self, id: TenantId) -> Result<TenantInfo, TenantError> {
        let status = self
            .status
            .parse()
            .map_err(|_| invalid(&id, "its status is none that is known here"))?;
        let time = |text: Option<String>| {
            text.map(|text| humantime::parse_rfc3339(&text))
                .transpose()
                .map_err(|_| invalid(&id, "a time of it is not RFC 3339 in UTC"))
        };
        let created_at = time(self.created_at)?;
        let updated_at = time(self.updated_at)?;
        Ok(TenantInfo {
            id,
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
        let placement = match self.placement.as_str() {
            "shared" => Placement::Shared,
            "dedicated" => Placement::Dedicated,
            _ => return Err("its placement is neither shared nor dedicated"),
        };
        // In a file of its own, `main` is not the name of somebody else's schema.
        let has_own =
            placement == Placement::Dedicated || url.backend() == sea_orm::DbBackend::Sqlite;
        let schema = if has_own {
            SchemaName::in_dedicated_database(&self.schema)
        } else {
            SchemaName::try_from(self.schema)
        };
        let schema = schema.map_err(|_| "its schema is no schema name")?;
        ConnectionInfo::of_parts(&url, schema, placement)
            .map_err(|_| "its schema is not the one of such a database")
    }
}

#[derive(Deserialize)]
struct WirePage {
    tenants: Vec<WireInfo>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct WireChange {
    tenant: String,
}
