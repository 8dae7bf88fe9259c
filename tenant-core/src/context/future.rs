use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tracing::Span;

use super::{CURRENT, TenantContext, TenantScope};
use crate::TenantId;

pin_project! {
    /// A future that runs for one tenant, or for none: what [`TenantContext::scope`],
    /// [`TenantContext::without`] and [`TenantContext::propagate`] return.
    ///
    /// The tenant is current while the future is polled and while it is dropped.
    #[must_use = "futures do nothing unless polled"]
    pub struct InTenant<F> {
        #[pin]
        future: TaskLocalFuture<Option<TenantId>, F>,
        span: Span,
    }
}

impl<F: Future> InTenant<F> {
    pub(super) fn new(scope: TenantScope, future: F) -> Self {
        let (tenant, span) = scope.into_parts();
        Self {
            future: CURRENT.scope(tenant, future),
            span,
        }
    }
}

impl<F: Future> Future for InTenant<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        this.future.poll(context)
    }
}

impl<F> std::fmt::Debug for InTenant<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InTenant").finish_non_exhaustive()
    }
}

/// [`TenantContext`] at the end of a chain of calls on a future.
pub trait TenantFutureExt: Future + Sized {
    /// [`TenantContext::scope`].
    fn in_tenant(self, id: impl Into<TenantId>) -> InTenant<Self> {
        TenantContext::scope(id, self)
    }

    /// [`TenantContext::propagate`].
    fn in_current_tenant(self) -> InTenant<Self> {
        TenantContext::propagate(self)
    }

    /// [`TenantContext::without`].
    fn without_tenant(self) -> InTenant<Self> {
        TenantContext::without(self)
    }
}

impl<F: Future> TenantFutureExt for F {}
