use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::TenantScope;
use crate::TenantId;

pin_project! {
    /// A stream that runs for one tenant: the tenant is current during every poll, and while the
    /// stream is dropped. A response body outlives the handler that made it; this is how the
    /// tenant stays with it.
    #[must_use = "streams do nothing unless polled"]
    pub struct InTenantStream<S> {
        // An `Option`, so that the stream can be dropped inside its scope.
        #[pin]
        stream: Option<S>,
        scope: TenantScope,
    }

    impl<S> PinnedDrop for InTenantStream<S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.scope.enter(|| this.stream.set(None));
        }
    }
}

impl<S: Stream> InTenantStream<S> {
    fn new(scope: TenantScope, stream: S) -> Self {
        Self {
            stream: Some(stream),
            scope,
        }
    }
}

impl<S: Stream> Stream for InTenantStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let Some(stream) = this.stream.as_pin_mut() else {
            return Poll::Ready(None);
        };
        this.scope.enter(|| stream.poll_next(context))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S> std::fmt::Debug for InTenantStream<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InTenantStream")
            .field("tenant", &self.scope.tenant())
            .finish_non_exhaustive()
    }
}

/// [`TenantContext`](crate::TenantContext) at the end of a chain of calls on a stream.
pub trait TenantStreamExt: Stream + Sized {
    /// Sets the tenant on every poll of this stream.
    fn in_tenant(self, id: impl Into<TenantId>) -> InTenantStream<Self> {
        InTenantStream::new(TenantScope::new(id), self)
    }

    /// Keeps the tenant that is current now, or its absence, for every poll of this stream.
    fn in_current_tenant(self) -> InTenantStream<Self> {
        InTenantStream::new(TenantScope::current(), self)
    }
}

impl<S: Stream> TenantStreamExt for S {}
