use std::{fmt, str::FromStr, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{TenantError, TenantId};

/// What a store knows about a tenant, besides where its data is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TenantInfo {
    /// The tenant.
    pub id: TenantId,
    /// What people call the tenant. Any text.
    pub name: String,
    /// Whether it is served.
    pub status: TenantStatus,
    /// What the tenant pays for, in the application's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Whatever else the application keeps with a tenant.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// When the tenant was made, where the store knows. Written as RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rfc3339")]
    pub created_at: Option<SystemTime>,
    /// When any of this, or where its data is, was last changed. A
    /// [`CachedStore`](crate::CachedStore) sees by it that a tenant has moved, so a store that says it
    /// gives each change of a tenant another time.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "rfc3339")]
    pub updated_at: Option<SystemTime>,
}

impl TenantInfo {
    /// An active tenant, named as its id.
    #[must_use]
    pub fn active(id: TenantId) -> Self {
        Self {
            name: id.to_string(),
            id,
            status: TenantStatus::Active,
            plan: None,
            metadata: serde_json::Map::new(),
            created_at: None,
            updated_at: None,
        }
    }

    /// Names it.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets its status.
    #[must_use]
    pub fn with_status(mut self, status: TenantStatus) -> Self {
        self.status = status;
        self
    }

    /// Sets its plan.
    #[must_use]
    pub fn with_plan(mut self, plan: impl Into<String>) -> Self {
        self.plan = Some(plan.into());
        self
    }

    /// What every registry refuses: a life does not begin in the middle.
    pub(crate) fn check_beginning(&self) -> Result<(), TenantError> {
        match self.status {
            TenantStatus::Pending | TenantStatus::Active => Ok(()),
            status => Err(TenantError::entry_refused(
                &self.id,
                format!(
                    "it cannot begin as {status}; make it pending or active, and change its status"
                ),
            )),
        }
    }
}

/// Where a tenant is in its life. Only an active one is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TenantStatus {
    /// Known, nothing set up yet.
    Pending,
    /// Its schema is being made.
    Provisioning,
    /// Served.
    Active,
    /// Locked out until activated again.
    Suspended,
    /// Briefly not served, for work on its data.
    Maintenance,
    /// Gone, its data kept.
    Archived,
}

impl TenantStatus {
    /// Every status, in the order of a tenant's life.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Provisioning,
        Self::Active,
        Self::Suspended,
        Self::Maintenance,
        Self::Archived,
    ];

    /// Whether a tenant in this status may be given the other: `pending → provisioning → active ⇄
    /// suspended`, in and out of `maintenance` from those two, and `archived` from any, for good.
    /// Staying is no step, and allowed.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use TenantStatus::{Active, Archived, Maintenance, Pending, Provisioning, Suspended};
        self == next
            || matches!(
                (self, next),
                (Pending, Provisioning)
                    | (Provisioning | Suspended | Maintenance, Active)
                    | (Active | Maintenance, Suspended)
                    | (Active | Suspended, Maintenance)
                    | (_, Archived)
            )
    }

    /// Whether a tenant in this status was never served.
    #[must_use]
    pub fn is_before_first_use(self) -> bool {
        matches!(self, Self::Pending | Self::Provisioning)
    }

    /// The status as its one lowercase word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Maintenance => "maintenance",
            Self::Archived => "archived",
        }
    }
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is the name of no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "that is no tenant status; there are pending, provisioning, active, suspended, maintenance and archived"
)]
pub struct InvalidTenantStatus;

impl FromStr for TenantStatus {
    type Err = InvalidTenantStatus;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == word)
            .ok_or(InvalidTenantStatus)
    }
}

mod rfc3339 {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(&humantime::format_rfc3339_millis(*time)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| humantime::parse_rfc3339(&text).map_err(D::Error::custom))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_life() {
        let steps: Vec<String> = TenantStatus::ALL
            .iter()
            .flat_map(|from| TenantStatus::ALL.map(|to| (*from, to)))
            .filter(|(from, to)| from != to && from.may_become(*to))
            .map(|(from, to)| format!("{from} {to}"))
            .collect();
        assert_eq!(
            steps,
            [
                "pending provisioning",
                "pending archived",
                "provisioning active",
                "provisioning archived",
                "active suspended",
                "active maintenance",
                "active archived",
                "suspended active",
                "suspended maintenance",
                "suspended archived",
                "maintenance active",
                "maintenance suspended",
                "maintenance archived",
            ]
        );
    }

    #[test]
    fn a_status_is_its_word() {
        for status in TenantStatus::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
        }
        assert!("Active".parse::<TenantStatus>().is_err());
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        let json = r#"{"id":"acme","name":"Acme","status":"active","created_at":"2026-01-02T03:04:05.678Z"}"#;
        let info: TenantInfo = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&info).unwrap(), json);
        assert!(serde_json::from_str::<TenantInfo>(&json.replace("T03", "?03")).is_err());
    }
}
