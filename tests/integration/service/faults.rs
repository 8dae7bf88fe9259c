//! What the client makes of each thing that a network can do.

use std::time::{Duration, Instant};

use sea_orm_tenant::{TenantError, TenantId, TenantStore as _};

use super::{
    ACME, Rig,
    proxy::{Fault, INTERNAL_SERVER_ERROR},
};

const ATTEMPT: Duration = Duration::from_millis(200);
const TOTAL: Duration = Duration::from_secs(5);
/// A busy machine's, and far below forever.
const SLACK: Duration = Duration::from_secs(10);

/// Asks for `acme` through a fault; says which error it was and how many requests were made.
async fn ask_through(fault: Fault) -> (TenantError, usize) {
    let rig = Rig::start().await;
    let client = rig.client().attempt_timeout(ATTEMPT).total_timeout(TOTAL);
    let client = client.max_attempts(3).build().unwrap();
    client.get_tenant_info(&ACME).await.unwrap();
    rig.proxy.take_requests();
    rig.proxy.set(fault);
    let begun = Instant::now();
    let error = client.get_tenant_info(&ACME).await.unwrap_err();
    assert!(begun.elapsed() < TOTAL + SLACK);
    let requests = rig.proxy.take_requests();
    rig.proxy.set(Fault::None);
    assert_eq!(client.get_tenant_info(&ACME).await.unwrap().id, ACME);
    (error, requests)
}

async fn is_unavailable_after(attempts: usize, fault: Fault) {
    let (error, requests) = ask_through(fault).await;
    assert!(
        matches!(error, TenantError::StoreUnavailable { .. }),
        "{fault:?}: {error:?}"
    );
    assert_eq!(requests, attempts, "{fault:?}: {error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_internal_errors_is_unavailable() {
    is_unavailable_after(3, INTERNAL_SERVER_ERROR).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_unavailable() {
    is_unavailable_after(3, Fault::Silence).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_drip_is_unavailable() {
    is_unavailable_after(3, Fault::Drip(Duration::from_millis(50))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_answer_is_unavailable() {
    is_unavailable_after(3, Fault::Delay(ATTEMPT * 5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_body_is_unavailable() {
    // Within the body: the head is shorter than that.
    let (error, _) = ask_through(Fault::Truncate(20)).await;
    assert!(matches!(error, TenantError::StoreUnavailable { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_connection_is_unavailable() {
    let (error, requests) = ask_through(Fault::Reset).await;
    assert!(matches!(error, TenantError::StoreUnavailable { .. }));
    // The transport itself may try once more a request that an idle connection did not take.
    assert!((3..=6).contains(&requests), "{requests}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_somebody_elses_makes_no_tenant_unknown() {
    let page = "HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 9\r\nconnection: close\r\n\r\nNot here!";
    is_unavailable_after(1, Fault::Answer(page)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_a_mistake_of_ours() {
    let rig = Rig::start().await;
    let client = rig.client().token("of-somebody-else").build().unwrap();
    let error = client.get_tenant_info(&ACME).await.unwrap_err();
    assert!(matches!(error, TenantError::Configuration(_)), "{error:?}");
    assert_eq!(rig.proxy.take_requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_knows_who_is_unknown() {
    let rig = Rig::start().await;
    let client = rig.client().build().unwrap();
    let nobody = TenantId::from_static("nobody");
    for error in [
        client.tenant(&nobody).await.unwrap_err(),
        client.connection(&nobody).await.unwrap_err(),
    ] {
        assert!(matches!(error, TenantError::UnknownTenant { tenant } if tenant == nobody));
    }
    assert_eq!(rig.proxy.take_requests(), 2);
}
