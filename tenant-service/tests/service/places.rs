//! Where tenants are put, and put again.

use reqwest::{Response, StatusCode};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::{PASSWORD, World, assert_problem};

async fn put(world: &World, id: &str, connection: Value) {
    let body = json!({"id": id, "connection": connection});
    let made = world.ask("POST", "/tenants").json(&body).send().await;
    assert_eq!(made.unwrap().status(), StatusCode::CREATED);
}

async fn change(world: &World, id: &str, connection: &Value) -> Response {
    world
        .ask("PATCH", &format!("/tenants/{id}"))
        .header("If-Match", "*")
        .json(&json!({ "connection": connection }))
        .send()
        .await
        .unwrap()
}

/// `url schema placement`
async fn place(world: &World, id: &str) -> String {
    let path = format!("/tenants/{id}/connection");
    let placed = world.ask("GET", &path).send().await.unwrap();
    let placed: Value = placed.json().await.unwrap();
    ["url", "schema", "placement"]
        .map(|member| placed[member].as_str().unwrap())
        .join(" ")
}

#[tokio::test]
async fn what_is_not_said_of_a_place_stays() {
    let mut world = World::new().await;
    let dedicated = json!({"url": "postgres://u:old@h/acme", "placement": "dedicated"});
    let shared = json!({"url": "postgres://u:old@h/app", "schema": "legacy"});
    let file = json!({"url": "sqlite:///srv/one", "schema": "legacy"});
    let own_file = json!({"url": "sqlite:///srv/acme.sqlite", "placement": "dedicated"});
    let cases = [
        (
            &dedicated,
            json!({}),
            "postgres://u:old@h/acme public dedicated",
        ),
        // A password is changed, and the tenant stays where it is.
        (
            &dedicated,
            json!({"url": "postgres://u:new@h/acme"}),
            "postgres://u:new@h/acme public dedicated",
        ),
        (
            &dedicated,
            json!({"placement": "dedicated"}),
            "postgres://u:old@h/acme public dedicated",
        ),
        (
            &dedicated,
            json!({"url": "postgres://h/app", "placement": "shared"}),
            "postgres://h/app tenant_{id} shared",
        ),
        (
            &shared,
            json!({"url": "postgres://u:new@h/app"}),
            "postgres://u:new@h/app legacy shared",
        ),
        (
            &shared,
            json!({"schema": "other"}),
            "postgres://u:old@h/app other shared",
        ),
        (
            &shared,
            json!({"placement": "shared"}),
            "postgres://u:old@h/app legacy shared",
        ),
        (
            &shared,
            json!({"url": "mysql://h/acme", "placement": "dedicated"}),
            "mysql://h/acme acme dedicated",
        ),
        (
            &file,
            json!({"url": "sqlite:///srv/two"}),
            "sqlite:///srv/two/legacy.sqlite main shared",
        ),
        (
            &file,
            json!({"url": "sqlite:///srv/one/legacy.sqlite"}),
            "sqlite:///srv/one/legacy.sqlite main shared",
        ),
        (
            &file,
            json!({"schema": "other"}),
            "sqlite:///srv/one/other.sqlite main shared",
        ),
        (
            &own_file,
            json!({"url": "sqlite:///srv/two.sqlite"}),
            "sqlite:///srv/two.sqlite main dedicated",
        ),
    ];
    for (number, (before, said, after)) in cases.into_iter().enumerate() {
        let id = format!("tenant{number}");
        put(&world, &id, before.clone()).await;
        assert_eq!(
            change(&world, &id, &said).await.status(),
            StatusCode::OK,
            "{said}"
        );
        assert_eq!(
            place(&world, &id).await,
            after.replace("{id}", &id),
            "{said}"
        );
        // Room for the next one.
        let away = json!({"url": "postgres://elsewhere/app", "placement": "shared", "schema": id});
        assert_eq!(
            change(&world, &id, &away).await.status(),
            StatusCode::OK,
            "{said}"
        );
    }
    world.stop().await;
}

#[tokio::test]
async fn a_place_that_makes_no_sense_for_a_tenant_is_refused() {
    let mut world = World::new().await;
    let url = format!("postgres://u:{PASSWORD}@h/own");
    put(&world, "own", json!({"url": url, "placement": "dedicated"})).await;
    world.create("shared").await;
    for (id, said) in [
        ("own", json!({"schema": "other"})),
        ("own", json!({"placement": "dedicated", "schema": "other"})),
        // Not back to the database for all, of which nobody spoke.
        ("own", json!({"placement": "shared"})),
        (
            "own",
            json!({"url": format!("mysql://u:{PASSWORD}@h/{PASSWORD}.x")}),
        ),
        // Where others are as well.
        ("shared", json!({"placement": "dedicated"})),
        ("shared", json!({"placement": "alone"})),
        ("shared", json!({"schema": "pg_catalog"})),
    ] {
        let before = place(&world, id).await;
        let problem = assert_problem(change(&world, id, &said).await, 422, "invalid-content").await;
        assert!(!problem.to_string().contains("hunter"), "{problem}");
        assert_eq!(place(&world, id).await, before, "{said}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_not_the_callers_fault() {
    let mut world = World::new().await;
    world.create("acme").await;
    let database = world.beside().await;
    let damage = async |column: &str| {
        let sql = format!("UPDATE sea_orm_tenant SET {column} = 'nonsense'");
        database.execute_unprepared(&sql).await.unwrap();
    };
    damage("placement").await;
    let part = json!({"url": "postgres://h/app"});
    assert_problem(change(&world, "acme", &part).await, 500, "internal").await;
    damage("metadata").await;
    let patch = world
        .ask("PATCH", "/tenants/acme")
        .header("If-Match", "*")
        .json(&json!({"metadata": {"a": 1}}));
    assert_problem(patch.send().await.unwrap(), 500, "internal").await;
    let read = world.ask("GET", "/tenants/acme").send().await.unwrap();
    assert_problem(read, 500, "internal").await;
    database.close().await.unwrap();
    world.stop().await;
}
