use std::{
    future::{pending, poll_fn},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex},
    task::Poll,
};

use futures_util::{FutureExt as _, Stream as _, StreamExt as _, poll, stream};

use super::*;

const ACME: TenantId = TenantId::from_static("acme");
const GLOBEX: TenantId = TenantId::from_static("globex");

fn current() -> Option<TenantId> {
    TenantContext::try_current()
}

/// Remembers which tenant was current when it was dropped.
struct DropWitness(Arc<Mutex<Option<TenantId>>>);

impl Drop for DropWitness {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = current();
    }
}

#[tokio::test]
async fn outside_of_a_scope_there_is_no_tenant() {
    assert_eq!(current(), None);
    assert!(matches!(
        TenantContext::current(),
        Err(TenantError::NoTenant)
    ));
}

#[tokio::test]
async fn nesting_restores_the_outer_tenant() {
    TenantContext::scope(ACME, async {
        TenantContext::scope(GLOBEX, async { assert_eq!(current(), Some(GLOBEX)) }).await;
        assert_eq!(current(), Some(ACME));
        TenantContext::without(async { assert_eq!(current(), None) }).await;
        assert_eq!(current(), Some(ACME));
        TenantContext::sync_scope(GLOBEX, || assert_eq!(current(), Some(GLOBEX)));
        assert_eq!(current(), Some(ACME));
    })
    .await;
    assert_eq!(current(), None);
}

#[tokio::test]
async fn an_error_restores_the_outer_tenant() {
    let outcome: Result<(), &str> = TenantContext::scope(ACME, async { Err("no") }).await;
    assert_eq!(outcome, Err("no"));
    assert_eq!(current(), None);
}

#[tokio::test]
async fn a_panic_restores_the_outer_tenant() {
    TenantContext::scope(ACME, async {
        let panicked = AssertUnwindSafe(TenantContext::scope(GLOBEX, async { panic!("planned") }))
            .catch_unwind()
            .await;
        assert!(panicked.is_err());
        assert_eq!(current(), Some(ACME));
        let panicked = std::panic::catch_unwind(|| {
            TenantContext::sync_scope(GLOBEX, || panic!("planned"));
        });
        assert!(panicked.is_err());
        assert_eq!(current(), Some(ACME));
    })
    .await;
}

#[tokio::test]
async fn cancelling_restores_the_outer_tenant_and_drops_inside() {
    let witness = Arc::new(Mutex::new(None));
    TenantContext::scope(ACME, async {
        let held = DropWitness(witness.clone());
        let mut inner = Box::pin(TenantContext::scope(GLOBEX, async move {
            let _held = held;
            pending::<()>().await;
        }));
        assert!(poll!(inner.as_mut()).is_pending());
        drop(inner);
        assert_eq!(current(), Some(ACME));
    })
    .await;
    assert_eq!(*witness.lock().unwrap(), Some(GLOBEX));
}

/// Two futures polled in turns on one task: each sees its own tenant at each poll.
#[tokio::test]
async fn interleaved_futures_keep_their_tenants() {
    let watch = |expected: TenantId| {
        let mut polls = 0;
        poll_fn(move |_| {
            assert_eq!(current(), Some(expected.clone()));
            polls += 1;
            if polls == 5 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
    };
    let mut one = pin!(watch(ACME).in_tenant(ACME));
    let mut other = pin!(watch(GLOBEX).in_tenant(GLOBEX));
    for _ in 0..4 {
        assert!(poll!(one.as_mut()).is_pending());
        assert!(poll!(other.as_mut()).is_pending());
        assert_eq!(current(), None);
    }
    assert!(poll!(one).is_ready());
    assert!(poll!(other).is_ready());
}

#[tokio::test]
async fn a_stream_has_its_tenant_on_every_poll_and_on_drop() {
    let witness = Arc::new(Mutex::new(None));
    let held = DropWitness(witness.clone());
    let mut seen = stream::repeat(())
        .map(move |()| {
            let _held = &held;
            current()
        })
        .in_tenant(ACME);
    assert_eq!(seen.next().await, Some(Some(ACME)));
    let inside = TenantContext::scope(GLOBEX, seen.next()).await;
    assert_eq!(inside, Some(Some(ACME)));
    drop(seen);
    assert_eq!(*witness.lock().unwrap(), Some(ACME));
}

#[tokio::test]
async fn a_stream_keeps_the_tenant_it_was_made_for() {
    let stream = TenantContext::scope(ACME, async {
        stream::iter([(), ()])
            .map(|()| current())
            .in_current_tenant()
    })
    .await;
    assert_eq!(stream.size_hint(), (2, Some(2)));
    assert_eq!(
        stream.collect::<Vec<_>>().await,
        [Some(ACME.clone()), Some(ACME)]
    );
}

#[tokio::test]
async fn a_bare_spawn_has_no_tenant_and_ours_carries_it() {
    TenantContext::scope(ACME, async {
        assert_eq!(tokio::spawn(async { current() }).await.unwrap(), None);
        assert_eq!(
            TenantContext::spawn(async { current() }).await.unwrap(),
            Some(ACME)
        );
        assert_eq!(
            TenantContext::spawn_blocking(current).await.unwrap(),
            Some(ACME)
        );
        let local = tokio::task::LocalSet::new();
        let carried = local.run_until(async {
            TenantContext::spawn_local(async { current() })
                .await
                .unwrap()
        });
        assert_eq!(carried.await, Some(ACME));
    })
    .await;
    assert_eq!(TenantContext::spawn_blocking(current).await.unwrap(), None);
}

#[tokio::test]
async fn propagating_nothing_stays_nothing() {
    let built_outside = TenantContext::propagate(async { current() });
    assert_eq!(TenantContext::scope(ACME, built_outside).await, None);
}
