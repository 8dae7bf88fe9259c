//! Futures that are cut short after some number of polls, by being dropped or by a panic.

use std::{
    future::{Future, poll_fn},
    ops::RangeInclusive,
    panic::AssertUnwindSafe,
    pin::pin,
    task::Poll,
};

use futures_util::FutureExt as _;

/// Numbers of polls that together reach every point of a request. How many polls there are to one
/// depends on how fast the server answers, so that a point is met by several of them.
pub const EVERYWHERE: RangeInclusive<usize> = 1..=40;

/// Polls `future` at most `polls` times, each time when it asked for it, and drops it then.
pub async fn after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        left -= 1;
        match polled {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// As [`after`], with a panic that unwinds through the future's owner.
pub async fn by_panic_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut left = polls;
    let mut future = Box::pin(future);
    let panicking = poll_fn(move |context| {
        let polled = future.as_mut().poll(context);
        left -= 1;
        if polled.is_pending() && left == 0 {
            panic!("planned");
        }
        polled
    });
    AssertUnwindSafe(panicking).catch_unwind().await.ok()
}
