use std::fmt;

use serde::{Deserialize, Serialize};

use crate::TenantId;

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
