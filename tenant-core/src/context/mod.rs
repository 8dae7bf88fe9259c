//! Who the running code works for. The only thing that is ambient in this crate.

mod future;
mod scope;
mod stream;

use std::future::Future;

use tokio::task::JoinHandle;
use tracing::{Span, level_filters::LevelFilter};

pub use self::{
    future::{InTenant, TenantFutureExt},
    scope::TenantScope,
    stream::{InTenantStream, TenantStreamExt},
};
use crate::{TenantError, TenantId};

tokio::task_local! {
    /// `None` is a scope without a tenant; outside of every scope there is no value at all.
    static CURRENT: Option<TenantId>;
}

/// The tenant that the running task works for.
///
/// A tenant is current for the extent of a scope: a future, a closure or a stream. There is no way
/// to set it and none to forget clearing it, so a scope ends by itself, on return, error, panic
/// and cancellation, and the tenant outside of it is current again.
///
/// A new task, a thread, or a `spawn_blocking` closure begins without a tenant. Carry it over with
/// [`spawn`](Self::spawn), [`spawn_local`](Self::spawn_local),
/// [`spawn_blocking`](Self::spawn_blocking) or [`propagate`](Self::propagate); a closure that others
/// call, with [`TenantScope`].
///
/// Each scope opens a `tracing` span `tenant` with the field `tenant.id`. The outermost one also
/// records `tenant.id` on the span around it, when that has such a field.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tenant_core::{TenantContext, TenantId};
///
/// let acme = TenantId::try_from("acme")?;
/// TenantContext::scope(acme.clone(), async {
///     assert_eq!(TenantContext::try_current(), Some(acme.clone()));
///     TenantContext::without(async { assert!(TenantContext::current().is_err()) }).await;
/// })
/// .await;
/// assert_eq!(TenantContext::try_current(), None);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct TenantContext(());

impl TenantContext {
    /// Runs `future` for the tenant `id`.
    pub fn scope<F: Future>(id: impl Into<TenantId>, future: F) -> InTenant<F> {
        InTenant::new(TenantScope::new(id), future)
    }

    /// Calls `f` for the tenant `id`.
    ///
    /// A future that `f` merely returns is not covered: it runs later. Use [`scope`](Self::scope).
    pub fn sync_scope<R>(id: impl Into<TenantId>, f: impl FnOnce() -> R) -> R {
        TenantScope::new(id).enter(f)
    }

    /// Runs `future` without a tenant, whatever is current outside.
    pub fn without<F: Future>(future: F) -> InTenant<F> {
        InTenant::new(TenantScope::none(), future)
    }

    /// Runs `future`, wherever it is polled, for the tenant that is current now, or without one
    /// when there is none.
    pub fn propagate<F: Future>(future: F) -> InTenant<F> {
        InTenant::new(TenantScope::current(), future)
    }

    /// The current tenant.
    ///
    /// # Errors
    ///
    /// [`TenantError::NoTenant`] outside of every scope, and inside [`without`](Self::without).
    #[inline]
    pub fn current() -> Result<TenantId, TenantError> {
        // Made where it is returned: each time that it is moved, the processor waits for what it has
        // just written.
        let mut current = Err(TenantError::NoTenant);
        let _ = CURRENT.try_with(|tenant| {
            if let Some(tenant) = tenant {
                current = Ok(tenant.clone());
            }
        });
        current
    }

    /// The current tenant, if there is one.
    #[inline]
    #[must_use]
    pub fn try_current() -> Option<TenantId> {
        CURRENT.try_with(Clone::clone).ok().flatten()
    }

    /// [`tokio::spawn`] for the tenant that is current now.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, as `tokio::spawn` does.
    #[track_caller]
    pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(Self::propagate(future))
    }

    /// [`tokio::task::spawn_local`] for the tenant that is current now. It is what
    /// `actix_web::rt::spawn` does, with the tenant.
    ///
    /// # Panics
    ///
    /// Outside of a `LocalSet`, as `tokio::task::spawn_local` does.
    #[track_caller]
    pub fn spawn_local<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        tokio::task::spawn_local(Self::propagate(future))
    }

    /// [`tokio::task::spawn_blocking`] for the tenant that is current now.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, as `tokio::task::spawn_blocking` does.
    #[track_caller]
    pub fn spawn_blocking<R>(f: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R>
    where
        R: Send + 'static,
    {
        // Made here, where the span around it is the caller's.
        let scope = TenantScope::current();
        tokio::task::spawn_blocking(move || scope.enter(f))
    }
}

fn span(id: &TenantId) -> Span {
    // Nobody listens, which is known at the cost of a load.
    if LevelFilter::current() == LevelFilter::OFF {
        return Span::none();
    }
    // Inside of a scope, the span around is that scope's, and names its tenant: also where none is
    // current, as in `without`, or in a task that was given the span and not the tenant.
    let around = Span::current();
    let is_a_scopes = around
        .metadata()
        .is_some_and(|span| span.name() == SPAN && span.target() == module_path!());
    if !is_a_scopes && TenantContext::try_current().is_none() {
        around.record("tenant.id", id.as_str());
    }
    tracing::info_span!(SPAN, tenant.id = id.as_str())
}

const SPAN: &str = "tenant";

#[cfg(test)]
mod tests;
