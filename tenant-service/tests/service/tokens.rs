//! Tokens that are given out and taken back.

use reqwest::StatusCode;
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::{Events, World, assert_problem};

fn id_of(token: &str) -> &str {
    token.split('_').nth(1).unwrap()
}

#[tokio::test]
async fn a_token_that_was_taken_back_opens_nothing() {
    let mut world = World::new().await;
    let token = world.token(&["tenants:read"]).await;
    let listed: Value = world
        .ask("GET", "/tokens")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let id = listed["tokens"][0]["id"].as_str().unwrap();
    assert!(!listed.to_string().contains(&token));
    let path = format!("/tokens/{id}");
    let gone = world.ask("DELETE", &path).send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let again = world.ask("DELETE", &path).send().await.unwrap();
    assert_problem(again, 404, "unknown-token").await;
    let refused = world
        .anonymous("GET", "/tenants")
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_problem(refused, 401, "unauthenticated").await;
    world.stop().await;
}

#[tokio::test]
async fn an_open_stream_ends_when_its_token_is_taken_back() {
    let mut world = World::new().await;
    let open = async |token: &str| {
        let request = world.anonymous("GET", "/tenants/events").bearer_auth(token);
        let mut events = Events::of(request).await;
        assert_eq!(events.next().await.unwrap(), "ready 0 {}");
        events
    };
    let (token, other) = (
        world.token(&["tenants:read"]).await,
        world.token(&["admin"]).await,
    );
    let mut events = open(&token).await;
    let mut others = open(&other).await;
    let path = format!("/tokens/{}", id_of(&token));
    world.ask("DELETE", &path).send().await.unwrap();
    // Nothing else happens that it could notice.
    assert_eq!(events.next().await, None);
    world.create("acme").await;
    assert!(others.next().await.unwrap().starts_with("change 1 "));
    world.stop().await;
}

#[tokio::test]
async fn a_stream_tells_nothing_once_another_process_took_its_token_back() {
    let mut world = World::new().await;
    let database = world.beside().await;
    let mut tenants = 0;
    for change in [
        "DELETE FROM tenant_service_token WHERE id =",
        "UPDATE tenant_service_token SET scopes = '' WHERE id =",
    ] {
        let token = world.token(&["tenants:read"]).await;
        let request = world
            .anonymous("GET", "/tenants/events")
            .bearer_auth(&token);
        let mut events = Events::of(request).await;
        assert!(events.next().await.unwrap().starts_with("ready "));
        let sql = format!("{change} '{}'", id_of(&token));
        database.execute_unprepared(&sql).await.unwrap();
        tenants += 1;
        world.create(&format!("tenant{tenants}")).await;
        assert_eq!(events.next().await, None, "{change}");
    }
    database.close().await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn names_have_no_control_characters() {
    let mut world = World::new().await;
    for name in [
        "",
        "a\0b",
        "two\nlines",
        "\u{1b}[31m",
        "\u{9d}",
        &"a".repeat(201),
    ] {
        let body = json!({"name": name, "scopes": ["tenants:read"]});
        let refused = world.ask("POST", "/tokens").json(&body).send();
        assert_problem(refused.await.unwrap(), 422, "invalid-content").await;
    }
    world.stop().await;
}
