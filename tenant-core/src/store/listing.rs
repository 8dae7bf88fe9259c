use crate::{TenantId, TenantInfo, TenantStatus};

/// Which tenants a listing shows.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TenantQuery {
    /// Only those in this status.
    pub status: Option<TenantStatus>,
    /// Only those whose ids come after this one.
    pub after: Option<TenantId>,
    /// At most so many. The store may show fewer.
    pub limit: Option<u32>,
}

impl TenantQuery {
    /// Shows only tenants in this status.
    #[must_use]
    pub fn with_status(mut self, status: TenantStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Shows only tenants whose ids come after this one: the [`TenantPage::next`] of the page
    /// before.
    #[must_use]
    pub fn with_after(mut self, after: TenantId) -> Self {
        self.after = Some(after);
        self
    }

    /// Shows at most so many.
    #[must_use]
    pub fn with_limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// A part of a listing, in the order of the ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantPage {
    /// The tenants.
    pub tenants: Vec<TenantInfo>,
    /// What to go on [after](TenantQuery::after), if there are more.
    pub next: Option<TenantId>,
}
