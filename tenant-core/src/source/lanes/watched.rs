use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

/// Whether something on a connection was cut off before its end.
///
/// MySQL's protocol says nothing of where an answer begins. When a statement is given up half way,
/// the driver may wait for the rest of what it has read already, for ever, and with it whoever wants
/// the connection next: such a connection is closed instead of going back to its pool.
#[derive(Clone, Debug, Default)]
pub(in crate::source) struct Cut(Arc<AtomicBool>);

impl Cut {
    pub(in crate::source) fn note(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was, since this was asked last.
    pub(in crate::source) fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

pin_project! {
    /// A future that notes when it is dropped before its end.
    #[must_use = "futures do nothing unless polled"]
    pub(in crate::source) struct Watched<'c, F> {
        cut: Option<&'c Cut>,
        #[pin]
        future: F,
    }

    // Before the future is dropped, and the connection in it given back.
    impl<F> PinnedDrop for Watched<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(cut) = this.project().cut {
                cut.note();
            }
        }
    }
}

impl<'c, F> Watched<'c, F> {
    pub(super) fn new(cut: Option<&'c Cut>, future: F) -> Self {
        Self { cut, future }
    }
}

impl<F: Future> Future for Watched<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(context);
        if polled.is_ready() {
            *this.cut = None;
        }
        polled
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn what_is_cut_off_is_noted_and_what_ends_is_not() {
        let cut = Cut::default();
        Watched::new(Some(&cut), async {}).now_or_never().unwrap();
        assert!(!cut.take());
        let mut pending = Box::pin(Watched::new(Some(&cut), std::future::pending::<()>()));
        assert!(pending.as_mut().now_or_never().is_none());
        assert!(!cut.take());
        drop(pending);
        assert!(cut.take());
        assert!(!cut.take());
    }
}
