use crate::{TenantError, TenantId, TenantInfo, TenantStatus};

/// Which tenants to list, and how many at once.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TenantQuery {
    /// Only those in this status.
    pub status: Option<TenantStatus>,
    /// Only those behind this id: [`TenantPage::next`] of the page before.
    pub after: Option<TenantId>,
    /// At most so many: 1 to 1000; 100 when not said; 0 counts as 1. A page may have fewer, and others
    /// behind it.
    pub limit: Option<u32>,
}

impl TenantQuery {
    /// How many tenants a page has at most.
    pub(crate) fn bound(&self) -> usize {
        self.limit.unwrap_or(100).clamp(1, 1000) as usize
    }

    /// Only tenants in this status.
    #[must_use]
    pub fn with_status(mut self, status: TenantStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Only tenants behind this id.
    #[must_use]
    pub fn with_after(mut self, after: TenantId) -> Self {
        self.after = Some(after);
        self
    }

    /// At most so many tenants in a page.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// Some tenants, in the order of their ids' bytes.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TenantPage {
    /// The tenants.
    pub tenants: Vec<ListedTenant>,
    /// What to ask for [after](TenantQuery::after) to have the next page; none on the last.
    pub next: Option<TenantId>,
}

impl TenantPage {
    /// These tenants, and where the next page begins, if there is one.
    #[must_use]
    pub fn new(tenants: Vec<ListedTenant>, next: Option<TenantId>) -> Self {
        Self { tenants, next }
    }
}

/// A tenant on a page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ListedTenant {
    /// The tenant.
    pub id: TenantId,
    /// What is known about it, or why nothing is: one entry that makes no sense hides no other.
    pub info: Result<TenantInfo, TenantError>,
}

impl ListedTenant {
    /// A tenant, and what is known about it.
    #[must_use]
    pub fn new(id: TenantId, info: Result<TenantInfo, TenantError>) -> Self {
        Self { id, info }
    }
}
