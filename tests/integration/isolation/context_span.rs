//! `tracing` is told which tenant the code works for.

use futures_util::{StreamExt as _, stream};
use sea_orm_tenant::{TenantContext, TenantFutureExt as _, TenantId, TenantStreamExt as _};
use tracing::{Instrument as _, field::Empty, info_span};

use super::capture::{Capture, Told};

const ACME: TenantId = TenantId::from_static("acme");
const GLOBEX: TenantId = TenantId::from_static("globex");

fn told(by: &'static str, value: &str) -> Told {
    Told {
        by,
        field: "tenant.id",
        value: value.to_owned(),
    }
}

/// The span that `f` runs in and those around it, innermost first.
fn spans() -> Option<&'static str> {
    tracing::Span::current().metadata().map(|span| span.name())
}

#[tokio::test]
async fn a_scope_runs_in_a_span_with_the_tenants_id() {
    let (capture, _guard) = Capture::start();
    TenantContext::scope(ACME, async {
        assert_eq!(spans(), Some("tenant"));
        tokio::task::yield_now().await;
        assert_eq!(spans(), Some("tenant"));
    })
    .await;
    assert_eq!(spans(), None);
    assert_eq!(capture.told(), [told("tenant", "acme")]);
}

#[tokio::test]
async fn a_span_around_it_that_waits_for_a_tenant_is_told() {
    let (capture, _guard) = Capture::start();
    let request = info_span!("request", tenant.id = Empty);
    async {
        TenantContext::scope(ACME, async {}).await;
        assert_eq!(spans(), Some("request"));
    }
    .instrument(request)
    .await;
    assert_eq!(
        capture.told(),
        [told("request", "acme"), told("tenant", "acme")]
    );
}

#[tokio::test]
async fn a_span_around_it_without_such_a_field_is_left_alone() {
    let (capture, _guard) = Capture::start();
    let request = info_span!("request", path = "/books");
    async { TenantContext::scope(ACME, async {}).await }
        .instrument(request)
        .await;
    let told: Vec<_> = capture.told();
    let fields: Vec<_> = told.iter().map(|told| (told.by, told.field)).collect();
    assert_eq!(fields, [("request", "path"), ("tenant", "tenant.id")]);
}

#[tokio::test]
async fn every_kind_of_scope_has_its_span() {
    let (capture, _guard) = Capture::start();
    TenantContext::sync_scope(ACME, || assert_eq!(spans(), Some("tenant")));
    async { assert_eq!(spans(), Some("tenant")) }
        .in_tenant(ACME)
        .await;
    let mut stream = stream::iter([()])
        .map(|()| assert_eq!(spans(), Some("tenant")))
        .in_tenant(ACME);
    while stream.next().await.is_some() {}
    TenantContext::scope(ACME, async {
        let spawned = TenantContext::spawn(async { assert_eq!(spans(), Some("tenant")) });
        spawned.await.unwrap();
    })
    .await;
    let told_so_far = capture.told();
    assert_eq!(told_so_far, vec![told("tenant", "acme"); told_so_far.len()]);
    assert!(told_so_far.len() >= 5);
}

#[tokio::test]
async fn nested_scopes_have_spans_of_their_own_and_no_tenant_has_none() {
    let (capture, _guard) = Capture::start();
    TenantContext::scope(ACME, async {
        TenantContext::scope(GLOBEX, async {}).await;
    })
    .await;
    // The inner scope is not the outer span's tenant.
    assert_eq!(
        capture.told(),
        [told("tenant", "acme"), told("tenant", "globex")]
    );
    let before = capture.told().len();
    TenantContext::without(async { assert_eq!(spans(), None) }).await;
    assert_eq!(capture.told().len(), before);
}

#[tokio::test]
async fn a_scopes_span_is_never_told_another_tenant() {
    let (capture, _guard) = Capture::start();
    TenantContext::scope(ACME, async {
        TenantContext::without(TenantContext::scope(GLOBEX, async {})).await;
        // A task that is given the span, and not the tenant.
        let task = async { TenantContext::scope(GLOBEX, async {}).await };
        tokio::spawn(task.in_current_span()).await.unwrap();
    })
    .await;
    assert_eq!(
        capture.told(),
        [
            told("tenant", "acme"),
            told("tenant", "globex"),
            told("tenant", "globex")
        ]
    );
}

#[tokio::test]
#[allow(
    clippy::async_yields_async,
    reason = "the scope has ended when the closure is waited for"
)]
async fn a_blocking_closure_is_inside_of_its_callers_span() {
    let (capture, _guard) = Capture::start();
    let request = info_span!("request", tenant.id = Empty);
    let blocking = async {
        let spawned = TenantContext::spawn_blocking(TenantContext::current);
        assert_eq!(spawned.await.unwrap().unwrap(), ACME);
    };
    async { TenantContext::scope(ACME, blocking).await }
        .instrument(request)
        .await;
    // The span was made by the caller: nobody listens on the other thread.
    assert_eq!(
        capture.told(),
        [
            told("request", "acme"),
            told("tenant", "acme"),
            told("tenant", "acme")
        ]
    );
}
