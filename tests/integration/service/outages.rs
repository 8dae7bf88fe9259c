//! The cache, the client and the service together.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, future::join_all, stream};
use sea_orm_tenant::{
    CachedStore, TenantChange, TenantError, TenantId, TenantServiceClient, TenantStatus,
    TenantStore as _,
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{ACME, Rig, proxy::Fault};

/// Far beyond any bound that is tested: a hang fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cold_callers_make_one_request() {
    let rig = Rig::start().await;
    let cache = CachedStore::new(rig.client().build().unwrap());
    // Whoever asks first is not answered, and gives up.
    rig.proxy.set(Fault::Silence);
    let mut first = Box::pin(cache.tenant(&ACME));
    assert!(futures_util::poll!(&mut first).is_pending());
    drop(first);
    rig.proxy.set(Fault::None);
    rig.proxy.take_requests();
    let answers = join_all((0..1000).map(|_| cache.tenant(&ACME))).await;
    assert!(answers.iter().all(|answer| answer.is_ok()));
    // That of the caller who gave up may have come, too.
    assert!((1..=2).contains(&rig.proxy.take_requests()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_survive_a_service_that_is_killed_and_restarted() {
    let mut rig = Rig::start().await;
    let client = rig.client().total_timeout(Duration::from_secs(2));
    let cache = CachedStore::builder(client.build().unwrap())
        .info_lifetime(Duration::from_millis(20))
        .connection_lifetime(Duration::from_millis(20))
        .build();
    cache.tenant(&ACME).await.unwrap();
    cache.connection(&ACME).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let readers: Vec<_> = (0..50)
        .map(|_| tokio::spawn(read(cache.clone(), stopped.clone())))
        .collect();

    let loads = cache.statistics().loads;
    until(|| cache.statistics().loads > loads + 10).await;
    rig.stop().await;
    let stale = cache.statistics().stale;
    until(|| cache.statistics().stale > stale + 1000).await;
    rig.restart().await;
    rig.set_status(&ACME, "suspended").await;
    // Without news and without a restart of ours.
    until_suspended(&cache).await;
    stop.send_replace(true);
    for reader in readers {
        assert!(timeout(PATIENCE, reader).await.unwrap().unwrap() > 0);
    }
}

/// Reads until told to stop; every answer is right. How many there were.
async fn read(cache: CachedStore<TenantServiceClient>, stopped: watch::Receiver<bool>) -> usize {
    let mut answers = 0;
    while !*stopped.borrow() {
        let info = cache.tenant(&ACME).await.unwrap();
        assert_eq!(info.id, ACME);
        let connection = cache.connection(&ACME).await.unwrap();
        assert_eq!(connection.schema().as_str(), "tenant_acme");
        answers += 1;
        tokio::task::yield_now().await;
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_makes_nobody_unknown_who_was_not_asked_for_before() {
    let mut rig = Rig::start().await;
    let client = rig.client().max_attempts(2).build().unwrap();
    let cache = CachedStore::new(client);
    rig.stop().await;
    let error = cache.tenant(&ACME).await.unwrap_err();
    assert!(matches!(error, TenantError::StoreUnavailable { .. }));
    rig.restart().await;
    assert_eq!(cache.tenant(&ACME).await.unwrap().id, ACME);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspension_is_news_within_a_second() {
    let rig = Rig::start().await;
    let (cache, mut news) = follow(&rig);
    assert_eq!(next(&mut news).await, TenantChange::Missed);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    rig.set_status(&ACME, "suspended").await;
    let told = timeout(Duration::from_secs(1), news.recv()).await;
    assert_eq!(told.unwrap(), Some(TenantChange::Changed(ACME.clone())));
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_news_a_suspension_waits_for_the_lifetime_and_no_longer() {
    let rig = Rig::start().await;
    let cache = |lifetime| {
        CachedStore::builder(rig.client().build().unwrap())
            .info_lifetime(lifetime)
            .build()
    };
    let (short, long) = (cache(Duration::from_millis(50)), cache(PATIENCE * 60));
    assert_eq!(status(&short).await, TenantStatus::Active);
    assert_eq!(status(&long).await, TenantStatus::Active);
    rig.set_status(&ACME, "suspended").await;
    until_suspended(&short).await;
    assert_eq!(status(&long).await, TenantStatus::Active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_of_an_outage_is_made_up_for() {
    let mut rig = Rig::start().await;
    let (cache, mut news) = follow(&rig);
    assert_eq!(next(&mut news).await, TenantChange::Missed);
    assert_eq!(status(&cache).await, TenantStatus::Active);
    rig.stop().await;
    rig.restart_unseen().await;
    rig.set_status(&ACME, "suspended").await;
    let globex = TenantId::from_static("globex");
    rig.add(&globex).await;
    rig.proxy.set(Fault::None);
    // Resumed where it was cut off: each change is told once, and none as missed.
    assert_eq!(next(&mut news).await, TenantChange::Changed(ACME.clone()));
    assert_eq!(next(&mut news).await, TenantChange::Changed(globex));
    assert_eq!(status(&cache).await, TenantStatus::Suspended);
}

/// A cache that never asks again by itself, and the news that it has acted on.
fn follow(
    rig: &Rig,
) -> (
    Arc<CachedStore<TenantServiceClient>>,
    mpsc::UnboundedReceiver<TenantChange>,
) {
    let client = rig.client().build().unwrap();
    let cache = Arc::new(
        CachedStore::builder(client.clone())
            .info_lifetime(Duration::from_secs(3600))
            .build(),
    );
    let (acted, news) = mpsc::unbounded_channel();
    // The follower asks for the next change when it has acted on the one before.
    let changes = stream::unfold(
        (Box::pin(client.changes()), None),
        move |(mut changes, before)| {
            let acted = acted.clone();
            async move {
                if let Some(before) = before {
                    acted.send(before).ok()?;
                }
                let change = changes.next().await?;
                Some((change.clone(), (changes, Some(change))))
            }
        },
    );
    let follower = cache.clone();
    tokio::spawn(async move { follower.follow(changes).await });
    (cache, news)
}

async fn next(news: &mut mpsc::UnboundedReceiver<TenantChange>) -> TenantChange {
    timeout(PATIENCE, news.recv()).await.unwrap().unwrap()
}

async fn status(cache: &CachedStore<TenantServiceClient>) -> TenantStatus {
    cache.tenant(&ACME).await.unwrap().status
}

async fn until_suspended(cache: &CachedStore<TenantServiceClient>) {
    timeout(PATIENCE, async {
        while status(cache).await != TenantStatus::Suspended {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

async fn until(condition: impl Fn() -> bool) {
    timeout(PATIENCE, async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
