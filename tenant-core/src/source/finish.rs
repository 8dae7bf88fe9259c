use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that is run to its end even when its caller gives up: dropped half way, it goes on in
/// a task of its own, and its output is dropped there.
///
/// For what must not be cut off. A `BEGIN` that was sent and whose answer nobody reads leaves a
/// transaction open on a pooled connection: the driver counts it only when the answer is there.
pub(crate) struct Finish<T: Send + 'static> {
    future: Option<Boxed<T>>,
    runtime: Option<Handle>,
}

impl<T: Send + 'static> Finish<T> {
    /// `runtime` is where it goes on.
    pub(crate) fn new(
        runtime: Option<Handle>,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Self {
        Self {
            future: Some(Box::pin(future)),
            runtime,
        }
    }
}

impl<T: Send + 'static> Future for Finish<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(future) = &mut self.future else {
            return Poll::Pending;
        };
        let output = std::task::ready!(future.as_mut().poll(context));
        self.future = None;
        Poll::Ready(output)
    }
}

impl<T: Send + 'static> Drop for Finish<T> {
    fn drop(&mut self) {
        if let (Some(unfinished), Some(runtime)) = (self.future.take(), &self.runtime) {
            runtime.spawn(async move { drop(unfinished.await) });
        }
    }
}
