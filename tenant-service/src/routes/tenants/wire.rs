//! What is sent and received.

use std::{fmt::Write as _, time::SystemTime};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tenant_core::{ListedTenant, TenantId, TenantInfo};
use utoipa::{IntoParams, ToSchema};

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(in crate::routes) struct Tenant {
    id: String,
    name: String,
    /// `pending`, `provisioning`, `active`, `suspended`, `maintenance` or `archived`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

impl From<TenantInfo> for Tenant {
    fn from(info: TenantInfo) -> Self {
        Self {
            id: info.id.to_string(),
            name: info.name,
            status: info.status.as_str(),
            plan: info.plan,
            metadata: Some(info.metadata).filter(|metadata| !metadata.is_empty()),
            created_at: info.created_at.and_then(rfc3339),
            updated_at: info.updated_at.and_then(rfc3339),
        }
    }
}

// A time of the year 10000 has no such text, and is left out.
fn rfc3339(time: SystemTime) -> Option<String> {
    let mut text = String::new();
    write!(text, "{}", humantime::format_rfc3339_millis(time)).ok()?;
    Some(text)
}

/// Some tenants, by their ids.
#[derive(Serialize, ToSchema)]
pub(in crate::routes) struct Page {
    pub(super) tenants: Vec<Listed>,
    /// What to send as `after` for those that follow; `null`, where none do.
    #[schema(value_type = Option<String>)]
    pub(super) next: Option<TenantId>,
}

/// A tenant on a page.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::routes) enum Listed {
    /// One that makes sense.
    Tenant(Tenant),
    /// One whose entry makes none: it hides no other.
    Unusable {
        #[schema(value_type = String)]
        id: TenantId,
        error: String,
    },
}

impl From<ListedTenant> for Listed {
    fn from(listed: ListedTenant) -> Self {
        match listed.info {
            Ok(info) => Self::Tenant(info.into()),
            Err(error) => Self::Unusable {
                id: listed.id,
                error: error.to_string(),
            },
        }
    }
}

/// Where a tenant's data is.
#[derive(Serialize, ToSchema)]
pub(in crate::routes) struct Connection<'a> {
    pub(super) tenant: &'a str,
    /// The database's URL, a secret.
    pub(super) url: &'a str,
    pub(super) schema: &'a str,
    /// `shared` or `dedicated`.
    pub(super) placement: &'static str,
}

/// Which tenants to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::routes) struct Listing {
    /// Only those in this status.
    pub(super) status: Option<String>,
    /// Only those whose ids come after this one.
    pub(super) after: Option<String>,
    /// At most so many: 100 unless told, and never more than 1,000.
    pub(super) limit: Option<u32>,
}

/// A tenant to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Creation {
    pub(super) id: String,
    /// The id, unless told.
    pub(super) name: Option<String>,
    pub(super) plan: Option<String>,
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
    /// `pending`, unless told, or `active`.
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) connection: Place,
}

/// What to change of a tenant. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Change {
    pub(super) name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    pub(super) plan: Option<Option<String>>,
    /// Merged into what is there (RFC 7396).
    #[schema(value_type = Option<Object>)]
    pub(super) metadata: Option<Map<String, Value>>,
    pub(super) status: Option<String>,
    /// What is left out of it stays, too. A tenant that goes from a shared database to a dedicated
    /// one, or back, names that one's `url`. Its tables are not moved.
    pub(super) connection: Option<Place>,
}

/// Where a tenant's data is to be. What is left out is, for a new tenant, what is said here; in a change
/// it stays as it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct Place {
    /// The database. The service's own setting, unless told.
    #[schema(value_type = Option<String>)]
    pub(super) url: Option<SecretString>,
    /// The schema's name. Made of the tenant's id, unless told; left out where it is dedicated.
    pub(super) schema: Option<String>,
    /// `shared`, unless told, or `dedicated`.
    pub(super) placement: Option<String>,
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_tenant_is_sent_as_the_client_reads_it() {
        let bare = TenantInfo::active(TenantId::from_static("acme"));
        let mut full = bare.clone().with_name("Acme & Co").with_plan("gold");
        full.metadata.insert("seats".to_owned(), Value::from(7));
        full.created_at = Some(SystemTime::UNIX_EPOCH);
        full.updated_at = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_234));
        for info in [bare, full] {
            let expected = serde_json::to_string(&info).unwrap();
            let sent = serde_json::to_string(&Tenant::from(info)).unwrap();
            assert_eq!(sent, expected);
        }
    }
}
