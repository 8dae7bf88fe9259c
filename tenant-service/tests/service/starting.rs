//! What a service starts with, and what it does not.

use serde_json::json;
use tenant_core::{DatabaseUrl, UrlKeys};
use tenant_service::{Service, StartError};

use super::{ADMIN, Events, World};

#[tokio::test]
async fn an_administrators_token_that_nobody_could_send_is_refused() {
    for (token, why) in [
        ("little", "20 bytes"),
        ("a-token-from-a-mounted-file\n", "newline"),
        ("a token with blanks in it", "byte 1 of"),
        ("\u{e9}ine-lange-geheime-Kennung", "byte 0 of"),
    ] {
        let file = DatabaseUrl::new("sqlite://never-made.sqlite").unwrap();
        let builder = Service::builder(file, UrlKeys::generate().unwrap()).admin_token(token);
        let error = builder.start().await.unwrap_err();
        assert!(matches!(error, StartError::InvalidAdminToken { .. }));
        let said = error.to_string();
        assert!(said.contains(why) && !said.contains(token), "{said}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let mut world = World::new().await;
    let address = world.service.as_ref().unwrap().address();
    let error = world.builder().listen(address).start().await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains(&format!("cannot listen on {address}: ")),
        "{said}"
    );
    world.stop().await;
}

#[tokio::test]
async fn there_may_be_as_many_streams_as_can_be_counted() {
    let mut world = World::new().await;
    world.stop().await;
    let builder = world.builder().max_event_streams(usize::MAX);
    world.service = Some(builder.start().await.unwrap());
    let mut events = Events::open(&world, None).await;
    assert_eq!(events.next().await.unwrap(), "ready 0 {}");
    world.stop().await;
}

#[tokio::test]
async fn a_service_that_is_dropped_goes_on() {
    let mut world = World::new().await;
    let url = world.service.take().unwrap().url();
    let request = world.client.get(format!("{url}/tenants/events"));
    let mut events = Events::of(request.bearer_auth(ADMIN)).await;
    assert_eq!(events.next().await.unwrap(), "ready 0 {}");
    let create = world
        .client
        .post(format!("{url}/tenants"))
        .bearer_auth(ADMIN);
    create.json(&json!({"id": "acme"})).send().await.unwrap();
    assert!(events.next().await.unwrap().starts_with("change 1 "));
}
