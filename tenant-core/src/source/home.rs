use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use pin_project_lite::pin_project;
use tokio::runtime::{EnterGuard, Handle, RuntimeFlavor};

/// The runtime that the connections of data sources live in, whoever uses them.
///
/// A socket belongs to the runtime in which it was connected: with that, it dies, and while that is
/// blocked, it is deaf. A server may have a runtime for each of its workers, as actix has; a pool
/// that they share must not have its connections there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Home(Option<Handle>);

impl Home {
    /// That runtime.
    pub(crate) fn of(runtime: Handle) -> Self {
        Self(Some(runtime))
    }

    /// The runtime that this is called in, if it has threads of its own. One that has none may not
    /// be driven while another one waits for it.
    pub(crate) fn current() -> Self {
        let runtime = Handle::try_current().ok();
        Self(runtime.filter(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread))
    }

    /// Where things go on by themselves.
    pub(super) fn runtime(&self) -> Option<Handle> {
        self.0.clone().or_else(|| Handle::try_current().ok())
    }

    /// What `future` connects and times belongs to the home, and what it gives back is given back
    /// there.
    pub(crate) fn run<F: Future>(&self, future: F) -> AtHome<'_, F> {
        AtHome {
            home: self,
            future: Some(future),
        }
    }

    /// At home until the guard is dropped.
    fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Handle::enter)
    }
}

pin_project! {
    /// A future that is polled by its caller, in the context of another runtime.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct AtHome<'h, F> {
        home: &'h Home,
        // An `Option`, so that the future can be dropped at home.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for AtHome<'_, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.home.enter();
            this.future.set(None);
        }
    }
}

impl<F: Future> Future for AtHome<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.home.enter();
        match this.future.as_pin_mut() {
            Some(future) => future.poll(context),
            None => Poll::Pending,
        }
    }
}

/// What gives a connection back when it is dropped: it does so at home.
pub(super) struct Housed<T> {
    home: Home,
    /// An `Option`, so that it can be dropped at home, or taken.
    value: Option<T>,
}

impl<T> Housed<T> {
    pub(super) fn new(home: &Home, value: T) -> Self {
        Self {
            home: home.clone(),
            value: Some(value),
        }
    }

    pub(super) fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    pub(super) fn take(&mut self) -> Option<T> {
        self.value.take()
    }
}

impl<T: Stream + Unpin> Stream for Housed<T> {
    type Item = T::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T::Item>> {
        let Self { home, value } = &mut *self;
        let _entered = home.enter();
        match value {
            Some(stream) => Pin::new(stream).poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

impl<T> Unpin for Housed<T> {}

impl<T> Drop for Housed<T> {
    fn drop(&mut self) {
        let _entered = self.home.enter();
        self.value = None;
    }
}
