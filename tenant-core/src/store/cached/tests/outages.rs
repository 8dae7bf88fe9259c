use std::task::Poll;

use super::*;

#[tokio::test(start_paused = true)]
async fn an_outage_is_served_from_memory_for_a_bounded_time() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(Answer::Unavailable);
    advance(SECOND * 69).await;
    assert_eq!(status(&cache).await, TenantStatus::Active);
    assert_eq!(cache.statistics().stale, 1);
    advance(SECOND).await;
    let error = cache.tenant(&ACME).await.unwrap_err();
    assert!(matches!(error, TenantError::StoreUnavailable { .. }));
    // It comes back by itself.
    store.answers(SUSPENDED);
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

#[tokio::test(start_paused = true)]
async fn the_bound_holds_while_the_store_takes_its_time_to_fail() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    store.gate.add_permits(1);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(Answer::Unavailable);
    advance(SECOND * 60).await;
    let mut asking = Box::pin(cache.tenant(&ACME));
    assert!(poll!(asking.as_mut()).is_pending());
    advance(SECOND * 20).await;
    store.gate.add_permits(1);
    let error = asking.await.unwrap_err();
    assert!(matches!(error, TenantError::StoreUnavailable { .. }));
}

/// A store that fails slowly must not slow down every request.
#[tokio::test(start_paused = true)]
async fn in_an_outage_the_store_is_tried_once_a_second() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(Answer::Unavailable);
    advance(SECOND * 10).await;
    for second in 1..=3 {
        for _ in 0..5 {
            assert_eq!(status(&cache).await, TenantStatus::Active);
            settle().await;
        }
        assert_eq!(store.questions(), 1 + second);
        advance(SECOND).await;
    }
    store.answers(SUSPENDED);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    settle().await;
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

/// After its first failure, nobody waits for a store that hangs, however long it does.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_waited_for_once() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    let globex = TenantId::from_static("globex");
    store.gate.add_permits(2);
    status(&cache).await;
    cache.tenant(&globex).await.unwrap();
    store.answers(Answer::Unavailable);
    advance(SECOND * 10).await;
    let mut first = Box::pin(cache.tenant(&ACME));
    assert!(poll!(first.as_mut()).is_pending());
    store.gate.add_permits(1);
    assert_eq!(first.await.unwrap().status, TenantStatus::Active);
    for second in 1..=20 {
        advance(SECOND).await;
        for _ in 0..5 {
            for id in [&ACME, &globex] {
                let answer = Box::pin(cache.tenant(id));
                let Poll::Ready(answer) = poll!(answer) else {
                    panic!("it waits for {id} in second {second}");
                };
                assert_eq!(answer.unwrap().status, TenantStatus::Active);
            }
        }
        settle().await;
    }
    // One for each that hangs.
    assert!(store.questions() <= 2 + 1 + 2, "{}", store.questions());
    // What hung is let go, and told: the next try is a second later.
    store.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    store.answers(SUSPENDED);
    settle().await;
    advance(SECOND).await;
    status(&cache).await;
    settle().await;
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

#[tokio::test(start_paused = true)]
async fn long_after_an_outage_the_first_to_ask_is_told_what_is_true_now() {
    let store = Scripted::open(ACTIVE);
    let cache = CachedStore::builder(store.clone())
        .info_lifetime(SECOND)
        .max_stale(SECOND * 3600)
        .build();
    status(&cache).await;
    advance(SECOND).await;
    store.answers(Answer::Unavailable);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(SUSPENDED);
    advance(SECOND * 70).await;
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_while_the_store_fails_does_not_serve() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    store.gate.add_permits(1);
    status(&cache).await;
    store.answers(Answer::Unavailable);
    advance(SECOND * 10).await;
    let mut asking = Box::pin(cache.tenant(&ACME));
    assert!(poll!(asking.as_mut()).is_pending());
    cache.invalidate(&ACME);
    store.gate.add_permits(1);
    let error = asking.await.unwrap_err();
    assert!(matches!(error, TenantError::StoreUnavailable { .. }));
}

#[tokio::test(start_paused = true)]
async fn an_outage_makes_nobody_unknown() {
    let store = Scripted::open(Answer::Unavailable);
    let cache = cached(&store);
    for _ in 0..2 {
        let error = cache.tenant(&ACME).await.unwrap_err();
        assert!(matches!(error, TenantError::StoreUnavailable { .. }));
    }
    assert_eq!(store.questions(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_gone_is_not_served_from_memory() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(Answer::Unknown);
    advance(SECOND * 10).await;
    cache.tenant(&ACME).await.unwrap_err();
    store.answers(Answer::Unavailable);
    advance(SECOND * 5).await;
    let error = cache.tenant(&ACME).await.unwrap_err();
    assert!(matches!(error, TenantError::StoreUnavailable { .. }));
}

#[tokio::test(start_paused = true)]
async fn after_missed_changes_what_was_said_serves_an_outage() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    status(&cache).await;
    store.answers(Answer::Unavailable);
    cache.expire_all();
    assert_eq!(status(&cache).await, TenantStatus::Active);
    assert_eq!(cache.statistics().stale, 1);
    // A change of the tenant itself is not forgotten over it.
    cache.invalidate(&ACME);
    let error = cache.tenant(&ACME).await.unwrap_err();
    assert!(matches!(error, TenantError::StoreUnavailable { .. }));
}
