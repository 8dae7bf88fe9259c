use std::future::Future;

use tracing::Span;

use super::{CURRENT, InTenant, TenantContext, span};
use crate::TenantId;

/// A scope of one tenant, or of none, that can be entered as often as needed: for those who write
/// futures, streams or response bodies by hand, and for closures that are called later.
///
/// All that runs in it has the one `tracing` span that was opened when it was made.
///
/// ```
/// use tenant_core::{TenantContext, TenantId, TenantScope};
///
/// let later = TenantContext::sync_scope(TenantId::from_static("acme"), || {
///     let scope = TenantScope::current();
///     move || scope.enter(TenantContext::try_current)
/// });
/// assert_eq!(later(), Some(TenantId::from_static("acme")));
/// ```
#[derive(Clone, Debug)]
pub struct TenantScope {
    tenant: Option<TenantId>,
    span: Span,
}

impl TenantScope {
    /// A scope of the tenant `id`.
    pub fn new(id: impl Into<TenantId>) -> Self {
        Self::of(Some(id.into()))
    }

    /// A scope of the tenant that is current now, or of none where there is none.
    #[must_use]
    pub fn current() -> Self {
        Self::of(TenantContext::try_current())
    }

    /// A scope without a tenant, whatever is current outside of it.
    #[must_use]
    pub fn none() -> Self {
        Self::of(None)
    }

    pub(super) fn of(tenant: Option<TenantId>) -> Self {
        let span = tenant.as_ref().map(span).filter(|span| !span.is_disabled());
        Self {
            // One that nobody sees is not entered and left at each poll.
            span: span.unwrap_or_else(Span::none),
            tenant,
        }
    }

    /// Calls `f` in the scope. A future that `f` merely returns is not covered: see
    /// [`run`](Self::run).
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = self.span.enter();
        CURRENT.sync_scope(self.tenant.clone(), f)
    }

    /// Runs `future` in the scope.
    pub fn run<F: Future>(&self, future: F) -> InTenant<F> {
        InTenant::new(self.clone(), future)
    }

    /// Whose scope it is.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        self.tenant.as_ref()
    }

    pub(super) fn into_parts(self) -> (Option<TenantId>, Span) {
        (self.tenant, self.span)
    }
}
