use super::*;

#[tokio::test(start_paused = true)]
async fn however_many_find_an_ageing_answer_one_task_asks_again() {
    let store = Scripted::closed(ACTIVE);
    let cache = cached(&store);
    store.gate.add_permits(1);
    status(&cache).await;
    advance(SECOND * 8).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    // None of what was begun has run yet.
    for _ in 0..100 {
        assert!(cache.tenant_at_hand(&ACME).is_some());
    }
    assert_eq!(tasks(), before + 1);
    settle().await;
    assert_eq!(store.questions(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_its_runtime_never_ran_is_in_nobodys_way() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    let elsewhere = tokio::runtime::Runtime::new().unwrap();
    {
        let _inside = elsewhere.enter();
        status(&cache).await;
    }
    // Not on this thread, which must not wait for it.
    let ending = std::thread::spawn(move || drop(elsewhere));
    ending.join().unwrap();
    advance(SECOND * 9).await;
    assert!(cache.tenant_at_hand(&ACME).is_some());
    assert_eq!(cache.inner.tenants.flights(), 0);
    store.answers(SUSPENDED);
    // The clock of the first question was not this one: a bit more than is left.
    advance(SECOND * 2).await;
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

#[tokio::test(start_paused = true)]
async fn a_store_is_asked_after_an_outage_although_the_first_runtime_has_ended() {
    let store = Scripted::open(ACTIVE);
    let cache = cached(&store);
    let elsewhere = tokio::runtime::Runtime::new().unwrap();
    {
        let _inside = elsewhere.enter();
        status(&cache).await;
    }
    std::thread::spawn(move || drop(elsewhere)).join().unwrap();
    advance(SECOND * 20).await;
    store.answers(Answer::Unavailable);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    store.answers(SUSPENDED);
    advance(SECOND * 2).await;
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}
