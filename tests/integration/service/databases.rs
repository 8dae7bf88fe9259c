//! The service on each database that it may have.

use futures_util::{StreamExt as _, future::join_all};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use sea_orm_tenant::{TenantChange, TenantDirectory as _, TenantServiceClient, UrlKeys};
use serde_json::{Value, json};
use tenant_service::Service;

use super::{ACME, ADMIN, PASSWORD, client_without_tls};
use crate::support::{World, on_every_database};

on_every_database!(
    two_services_of_one_database_tell_each_others_news,
    of_many_who_patch_what_they_read_none_is_lost,
    texts_that_are_no_token_are_not_asked_for,
);

async fn two_services_of_one_database_tell_each_others_news(world: &World) {
    let keys = UrlKeys::generate().unwrap();
    let (one, other) = tokio::join!(serve(world, &keys), serve(world, &keys));
    let client = TenantServiceClient::builder(other.url()).token(ADMIN);
    let mut changes = client.clone().build().unwrap().changes();
    assert_eq!(changes.next().await, Some(TenantChange::Missed));
    add_acme(&one).await;
    assert_eq!(
        changes.next().await,
        Some(TenantChange::Changed(ACME.clone()))
    );
    let client = client.build().unwrap();
    let placed = client.get_tenant_connection_info(&ACME).await.unwrap();
    assert!(placed.url().expose().contains(PASSWORD));
    let page = client.list(&Default::default()).await.unwrap();
    assert_eq!(page.tenants.len(), 1);
    let listed = client.list_placed(&Default::default()).await.unwrap();
    assert_eq!(listed.tenants.len(), 1);
    assert_eq!(**listed.tenants[0].connection.as_ref().unwrap(), placed);
    drop(changes);
    one.stop().await;
    other.stop().await;
}

/// Nor is the caller told that the database is away, where a database would only refuse the text.
async fn texts_that_are_no_token_are_not_asked_for(world: &World) {
    let service = serve(world, &UrlKeys::generate().unwrap()).await;
    let http = client_without_tls();
    for id in ["%00", "0123456789abcde%00", "0123456789ABCDEF", "none"] {
        let delete = http.delete(format!("{}/tokens/{id}", service.url()));
        let answer = delete.bearer_auth(ADMIN).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{id}");
    }
    let token = json!({"name": "a\0b", "scopes": ["tenants:read"]});
    let create = http.post(format!("{}/tokens", service.url())).json(&token);
    let answer = create.bearer_auth(ADMIN).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    service.stop().await;
}

/// Twenty operators each add a word of their own, from what they read, until they are let.
async fn of_many_who_patch_what_they_read_none_is_lost(world: &World) {
    let service = serve(world, &UrlKeys::generate().unwrap()).await;
    add_acme(&service).await;
    let refused: usize = join_all((0..20).map(|number| add_word(&service, number)))
        .await
        .into_iter()
        .sum();
    let info = read(&service).await.1;
    let mut words: Vec<_> = info["name"].as_str().unwrap().split(' ').collect();
    words.sort_unstable();
    let mut expected: Vec<_> = (0..20).map(|number| format!("word{number}")).collect();
    expected.push("acme".to_owned());
    expected.sort_unstable();
    assert_eq!(words, expected);
    // All read at the same time: had nobody been refused, they would not have met.
    assert!(refused > 0);
    service.stop().await;
}

/// How often somebody else was first.
async fn add_word(service: &Service, number: usize) -> usize {
    let mut refused = 0;
    loop {
        let (etag, info) = read(service).await;
        let name = format!("{} word{number}", info["name"].as_str().unwrap());
        let patch = request(service, Method::PATCH, "/acme")
            .header("if-match", etag)
            .json(&json!({ "name": name }));
        match patch.send().await.unwrap().status() {
            StatusCode::OK => return refused,
            StatusCode::PRECONDITION_FAILED => refused += 1,
            // The pool is small, and the database busy.
            StatusCode::SERVICE_UNAVAILABLE => {}
            other => panic!("{other}"),
        }
    }
}

async fn read(service: &Service) -> (String, Value) {
    let answer = request(service, Method::GET, "/acme").send().await.unwrap();
    let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
    (etag, answer.json().await.unwrap())
}

async fn add_acme(service: &Service) {
    let url = format!("postgres://app:{PASSWORD}@db.example/app");
    let tenant = json!({"id": "acme", "status": "active", "connection": {"url": url}});
    let post = request(service, Method::POST, "").json(&tenant);
    assert_eq!(post.send().await.unwrap().status(), StatusCode::CREATED);
}

fn request(service: &Service, method: Method, path: &str) -> RequestBuilder {
    let client: Client = client_without_tls();
    client
        .request(method, format!("{}/tenants{path}", service.url()))
        .bearer_auth(ADMIN)
}

async fn serve(world: &World, keys: &UrlKeys) -> Service {
    Service::builder(world.shared.clone(), keys.clone())
        .listen(([127, 0, 0, 1], 0).into())
        .admin_token(ADMIN)
        .start()
        .await
        .unwrap()
}
