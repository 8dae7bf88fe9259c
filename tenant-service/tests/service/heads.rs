//! Requests for the head of an answer.

use super::{World, assert_problem};

#[tokio::test]
async fn every_route_that_is_read_has_a_head_but_events() {
    let mut world = World::new().await;
    world.create("acme").await;
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/tenants",
        "/tenants/acme",
        "/tenants/acme/connection",
        "/tenants/globex",
        "/tokens",
        "/openapi.json",
        "/docs/",
        "/nowhere",
    ] {
        let get = world.ask("GET", path).send().await.unwrap();
        let head = world.ask("HEAD", path).send().await.unwrap();
        assert_eq!(head.status(), get.status(), "{path}");
        for header in ["content-type", "etag", "cache-control"] {
            assert_eq!(
                head.headers().get(header),
                get.headers().get(header),
                "{path}"
            );
        }
        assert_eq!(head.text().await.unwrap(), "", "{path}");
    }
    let refused = world.anonymous("HEAD", "/tenants").send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let events = world.ask("HEAD", "/tenants/events").send().await.unwrap();
    assert_eq!(events.status(), 405);
    assert_eq!(events.headers()["allow"], "GET");
    let put = world.ask("PUT", "/tenants/events").send().await.unwrap();
    assert_eq!(put.headers()["allow"], "GET");
    assert_problem(put, 405, "method-not-allowed").await;
    let metrics = world.anonymous("GET", "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains(r#"route="/healthz",method="HEAD""#),
        "{metrics}"
    );
    world.stop().await;
}
