//! The service, asked over HTTP, on an SQLite file.
#![allow(clippy::unwrap_used, reason = "tests")]

mod heads;
mod places;
mod program;
mod starting;
mod tokens;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use futures_util::future::join_all;
use proptest::prelude::ProptestConfig;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use sea_orm::{
    ColumnTrait as _, ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection,
    EntityTrait as _, QueryFilter as _,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenant_core::{DatabaseUrl, TenantStatus, UrlKeys, tenant_tables::change};
use tenant_service::{Service, ServiceBuilder};

const ADMIN: &str = "an-administrator-of-tests";
const PASSWORD: &str = "hunter2planted";

struct World {
    directory: TempDir,
    keys: String,
    service: Option<Service>,
    client: Client,
}

impl World {
    async fn new() -> Self {
        use secrecy::ExposeSecret as _;
        // Nothing here speaks TLS; the client wants a provider all the same. Another test may have
        // been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keys = UrlKeys::generate().unwrap().expose_first_as_base64();
        let mut world = Self {
            directory: tempfile::tempdir().unwrap(),
            keys: keys.expose_secret().to_owned(),
            service: None,
            client: Client::builder().pool_max_idle_per_host(0).build().unwrap(),
        };
        world.start().await;
        world
    }

    async fn start(&mut self) {
        self.service = Some(self.builder().start().await.unwrap());
    }

    fn builder(&self) -> ServiceBuilder {
        Service::builder(self.database(), UrlKeys::parse(&self.keys).unwrap())
            .listen(([127, 0, 0, 1], 0).into())
            .admin_token(ADMIN)
            .tenant_database(
                DatabaseUrl::new(format!("postgres://app:{PASSWORD}@db.invalid/app")).unwrap(),
            )
            .max_event_streams(4)
    }

    fn database(&self) -> DatabaseUrl {
        let file = DatabaseUrl::sqlite(self.directory.path().join("service.sqlite")).unwrap();
        DatabaseUrl::new(format!("{}?mode=rwc", file.expose())).unwrap()
    }

    /// The service's database, for somebody else: another process, or nobody's good.
    async fn beside(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(self.database().expose());
        options.idle_timeout(None).max_lifetime(None);
        Database::connect(options).await.unwrap()
    }

    async fn stop(&mut self) {
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
    }

    fn anonymous(&self, method: &str, path: &str) -> RequestBuilder {
        let url = self.service.as_ref().unwrap().url();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.client.request(method, format!("{url}{path}"))
    }

    fn ask(&self, method: &str, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(ADMIN)
    }

    async fn create(&self, id: &str) -> Response {
        let body = json!({"id": id, "status": "active"});
        let answer = self
            .ask("POST", "/tenants")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer
    }

    async fn set_status(&self, id: &str, status: &str) -> Response {
        self.ask("PATCH", &format!("/tenants/{id}"))
            .header("If-Match", "*")
            .json(&json!({"status": status}))
            .send()
            .await
            .unwrap()
    }

    async fn token(&self, scopes: &[&str]) -> String {
        let body = json!({"name": "test", "scopes": scopes});
        let answer = self
            .ask("POST", "/tokens")
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let token: Value = answer.json().await.unwrap();
        token["token"].as_str().unwrap().to_owned()
    }
}

fn etag(answer: &Response) -> String {
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

async fn assert_problem(answer: Response, status: u16, word: &str) -> Value {
    assert_eq!(answer.status().as_u16(), status, "{word}");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["status"], status);
    assert_eq!(
        problem["type"],
        format!("tag:sea-orm-tenant,2026:{word}"),
        "{problem}"
    );
    assert!(!problem.to_string().contains(PASSWORD), "{problem}");
    problem
}

/// Reads events until there are so many, and gives each as `event id data`.
struct Events(Response, String);

impl Events {
    async fn open(world: &World, last: Option<&str>) -> Self {
        let mut request = world.ask("GET", "/tenants/events");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        Self::of(request).await
    }

    async fn of(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self(answer, String::new())
    }

    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.1.clone().split_once("\n\n") {
                self.1 = rest.to_owned();
                if event == ":" {
                    continue;
                }
                let fields = event.lines().map(|line| line.split_once(": ").unwrap().1);
                return Some(fields.collect::<Vec<_>>().join(" "));
            }
            let bytes = self.0.chunk().await.unwrap()?;
            self.1.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn a_tenant_lives_from_its_making_to_its_removal() {
    let mut world = World::new().await;
    let body = json!({"id": "acme", "name": "Acme", "plan": "gold", "metadata": {"a": 1, "b": 2}});
    let made = world
        .ask("POST", "/tenants")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()["location"], "/tenants/acme");
    let made: Value = made.json().await.unwrap();
    assert_eq!(made["status"], "pending");
    assert_eq!(made["plan"], "gold");

    for status in ["provisioning", "active", "suspended", "active", "archived"] {
        assert_eq!(
            world.set_status("acme", status).await.status(),
            StatusCode::OK
        );
    }
    let patch = json!({"plan": null, "metadata": {"a": null, "c": 3}, "name": "Acme & Co"});
    let patched = world
        .ask("PATCH", "/tenants/acme")
        .header("If-Match", "*")
        .json(&patch)
        .send()
        .await
        .unwrap();
    let patched: Value = patched.json().await.unwrap();
    assert_eq!(patched["metadata"], json!({"b": 2, "c": 3}));
    assert_eq!(patched["name"], "Acme & Co");
    assert_eq!(patched.get("plan"), None);

    let placed = world
        .ask("GET", "/tenants/acme/connection")
        .send()
        .await
        .unwrap();
    assert_eq!(placed.headers()["cache-control"], "no-store");
    let placed: Value = placed.json().await.unwrap();
    assert_eq!(
        placed,
        json!({
            "tenant": "acme",
            "url": format!("postgres://app:{PASSWORD}@db.invalid/app"),
            "schema": "tenant_acme",
            "placement": "shared",
        })
    );
    let gone = world.ask("DELETE", "/tenants/acme").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let unknown = world.ask("GET", "/tenants/acme").send().await.unwrap();
    assert_problem(unknown, 404, "unknown-tenant").await;
    world.stop().await;
}

#[tokio::test]
async fn one_entry_that_makes_no_sense_hides_no_other() {
    let world = World::new().await;
    for id in ["a", "b", "c"] {
        world.create(id).await;
    }
    let db = Database::connect(world.database().expose()).await.unwrap();
    let sql = "UPDATE sea_orm_tenant SET status = 'asleep' WHERE id = 'b'";
    db.execute_unprepared(sql).await.unwrap();
    let page = world.ask("GET", "/tenants").send().await.unwrap();
    let page: Value = page.json().await.unwrap();
    let ids: Vec<_> = (0..3).map(|at| page["tenants"][at]["id"].clone()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(page["tenants"][0]["status"], "active");
    let unusable = page["tenants"][1].as_object().unwrap();
    assert_eq!(unusable.len(), 2);
    assert!(unusable["error"].as_str().unwrap().contains("its status"));
}

#[tokio::test]
async fn every_step_that_no_life_has_is_refused() {
    let mut world = World::new().await;
    let path_to = |status: TenantStatus| -> &[&str] {
        match status {
            TenantStatus::Pending => &[],
            TenantStatus::Provisioning => &["provisioning"],
            TenantStatus::Active => &["provisioning", "active"],
            TenantStatus::Suspended => &["provisioning", "active", "suspended"],
            TenantStatus::Maintenance => &["provisioning", "active", "maintenance"],
            _ => &["archived"],
        }
    };
    for from in TenantStatus::ALL {
        let id = format!("from_{from}");
        let body = json!({"id": id});
        world
            .ask("POST", "/tenants")
            .json(&body)
            .send()
            .await
            .unwrap();
        for step in path_to(from) {
            assert_eq!(world.set_status(&id, step).await.status(), StatusCode::OK);
        }
        for to in TenantStatus::ALL
            .into_iter()
            .filter(|to| !from.may_become(*to))
        {
            let refused = world.set_status(&id, to.as_str()).await;
            let problem = assert_problem(refused, 409, "illegal-status-change").await;
            assert_eq!(problem["from"], from.as_str());
            assert_eq!(problem["to"], to.as_str());
        }
        if from != TenantStatus::Archived {
            let refused = world
                .ask("DELETE", &format!("/tenants/{id}"))
                .send()
                .await
                .unwrap();
            assert_problem(refused, 409, "illegal-status-change").await;
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_change_must_name_what_it_changes() {
    let mut world = World::new().await;
    let first = etag(&world.create("acme").await);
    let patch = |tag: Option<&str>| {
        let request = world
            .ask("PATCH", "/tenants/acme")
            .json(&json!({"name": "n"}));
        match tag {
            Some(tag) => request.header("If-Match", tag),
            None => request,
        }
        .send()
    };
    assert_problem(patch(None).await.unwrap(), 428, "precondition-required").await;
    let second = etag(&patch(Some(&first)).await.unwrap());
    assert_ne!(first, second);
    assert_problem(patch(Some(&first)).await.unwrap(), 412, "tenant-changed").await;
    let weak = format!("W/{second}");
    assert_problem(patch(Some(&weak)).await.unwrap(), 412, "tenant-changed").await;
    let several = format!("{first}, {second}");
    assert_eq!(
        patch(Some(&several)).await.unwrap().status(),
        StatusCode::OK
    );

    world.set_status("acme", "archived").await;
    let delete = |tag: &str| {
        world
            .ask("DELETE", "/tenants/acme")
            .header("If-Match", tag)
            .send()
    };
    assert_problem(delete(&first).await.unwrap(), 412, "tenant-changed").await;
    let read = |tag: &str| {
        world
            .ask("GET", "/tenants/acme")
            .header("If-None-Match", tag)
            .send()
    };
    let changed = read(&first).await.unwrap();
    assert_eq!(changed.status(), StatusCode::OK);
    let current = etag(&changed);
    let unchanged = read(&current).await.unwrap();
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(
        delete(&current).await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    world.stop().await;
}

#[tokio::test]
async fn each_scope_opens_its_routes_and_no_others() {
    let mut world = World::new().await;
    world.create("acme").await;
    let tokens = [
        ("tenants:read", world.token(&["tenants:read"]).await),
        ("connections:read", world.token(&["connections:read"]).await),
        ("admin", world.token(&["admin"]).await),
    ];
    // What each of those three may: 1 where it may.
    let routes = [
        ("GET", "/tenants", [1, 1, 1]),
        ("GET", "/tenants/acme", [1, 1, 1]),
        ("GET", "/tenants/acme/connection", [0, 1, 1]),
        ("POST", "/tenants", [0, 0, 1]),
        ("PATCH", "/tenants/acme", [0, 0, 1]),
        ("DELETE", "/tenants/acme", [0, 0, 1]),
        ("GET", "/tenants/events", [1, 1, 1]),
        ("POST", "/tokens", [0, 0, 1]),
        ("GET", "/tokens", [0, 0, 1]),
        ("DELETE", "/tokens/none", [0, 0, 1]),
    ];
    for (method, path, may) in routes {
        for ((scope, token), may) in tokens.iter().zip(may) {
            let answer = world
                .anonymous(method, path)
                .bearer_auth(token)
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            assert_eq!(status != 403, may == 1, "{method} {path} {scope}: {status}");
            assert_ne!(status, 401, "{method} {path} {scope}");
        }
        let answer = world.anonymous(method, path).send().await.unwrap();
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_problem(answer, 401, "unauthenticated").await;
        let wrong = format!("{}x", tokens[2].1);
        let answer = world
            .anonymous(method, path)
            .bearer_auth(wrong)
            .send()
            .await
            .unwrap();
        assert_problem(answer, 401, "unauthenticated").await;
    }
    world.stop().await;
}

#[tokio::test]
async fn every_error_is_a_problem() {
    let mut world = World::new().await;
    let get = |path: &'static str| world.ask("GET", path).send();
    assert_problem(get("/nowhere").await.unwrap(), 404, "no-such-route").await;
    assert_problem(get("/tenants/").await.unwrap(), 404, "no-such-route").await;
    assert_problem(
        get("/tenants/Acme").await.unwrap(),
        400,
        "invalid-tenant-id",
    )
    .await;
    assert_problem(get("/tenants/acme").await.unwrap(), 404, "unknown-tenant").await;
    assert_problem(
        get("/tenants?limit=x").await.unwrap(),
        400,
        "invalid-request",
    )
    .await;
    assert_problem(
        get("/tenants?other=1").await.unwrap(),
        400,
        "invalid-request",
    )
    .await;
    assert_problem(
        get("/tenants?status=x").await.unwrap(),
        400,
        "invalid-request",
    )
    .await;
    assert_problem(
        get("/tenants?after=X").await.unwrap(),
        400,
        "invalid-tenant-id",
    )
    .await;
    let put = world.ask("PUT", "/tenants/acme").send().await.unwrap();
    assert_eq!(put.headers()["allow"], "GET, HEAD, PATCH, DELETE");
    assert_problem(put, 405, "method-not-allowed").await;

    let post = |body: String| {
        world
            .ask("POST", "/tenants")
            .header("Content-Type", "application/json")
            .body(body)
            .send()
    };
    assert_problem(post("{".into()).await.unwrap(), 400, "invalid-request").await;
    let large = format!(r#"{{"id":"{}"}}"#, "a".repeat(70_000));
    assert_problem(post(large).await.unwrap(), 413, "too-large").await;
    for body in [
        json!({"id": "acme", "other": 1}),
        json!({"id": "events"}),
        json!({"id": "acme", "status": "archived"}),
        json!({"id": "acme", "connection": {"url": format!("ftp://u:{PASSWORD}@h/d")}}),
        json!({"id": "acme", "connection": {"url": format!("postgres://h/d?password={PASSWORD}")}}),
        json!({"id": "acme", "connection": {"placement": "dedicated"}}),
        json!({"id": "acme", "connection": {"placement": PASSWORD}}),
        json!({"id": "acme", "connection": {PASSWORD: 1}}),
        json!({"id": "acme", "connection": PASSWORD}),
        json!({"id": "acme", "connection":
            {"placement": "dedicated", "url": "postgres://h/d", "schema": "s"}}),
    ] {
        let answer = post(body.to_string()).await.unwrap();
        assert_problem(answer, 422, "invalid-content").await;
    }
    let body = json!({"id": "Acme"}).to_string();
    assert_problem(post(body).await.unwrap(), 422, "invalid-tenant-id").await;
    let text = world
        .ask("POST", "/tenants")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_problem(text, 415, "not-json").await;
    world.create("acme").await;
    let twice = post(json!({"id": "acme"}).to_string()).await.unwrap();
    assert_problem(twice, 409, "tenant-exists").await;
    world.stop().await;
}

#[tokio::test]
async fn events_go_on_where_they_were_left() {
    let mut world = World::new().await;
    let mut events = Events::open(&world, None).await;
    assert_eq!(events.next().await.unwrap(), "ready 0 {}");
    world.create("acme").await;
    assert_eq!(
        events.next().await.unwrap(),
        r#"change 1 {"kind":"created","tenant":"acme"}"#
    );
    drop(events);
    world.set_status("acme", "archived").await;
    world.ask("DELETE", "/tenants/acme").send().await.unwrap();
    let mut events = Events::open(&world, Some("1")).await;
    assert_eq!(events.next().await.unwrap(), "ready 1 {}");
    assert!(events.next().await.unwrap().starts_with("change 2 "));
    assert_eq!(
        events.next().await.unwrap(),
        r#"change 3 {"kind":"deleted","tenant":"acme"}"#
    );
    drop(events);
    // A revision that this store never had.
    let mut events = Events::open(&world, Some("99")).await;
    assert_eq!(events.next().await.unwrap(), "reset 3 {}");
    let bad = world
        .ask("GET", "/tenants/events")
        .header("Last-Event-ID", "x");
    assert_problem(bad.send().await.unwrap(), 400, "invalid-request").await;
    world.stop().await;
}

#[tokio::test]
async fn changes_that_are_no_longer_kept_are_told_as_a_reset() {
    let mut world = World::new().await;
    world.create("acme").await;
    world.set_status("acme", "suspended").await;
    world.set_status("acme", "active").await;
    // As the service itself does when there are too many.
    let database = world.beside().await;
    let pruned = change::Entity::delete_many().filter(change::Column::Revision.lte(2));
    assert_eq!(pruned.exec(&database).await.unwrap().rows_affected, 2);
    database.close().await.unwrap();

    let mut events = Events::open(&world, Some("1")).await;
    assert_eq!(events.next().await.unwrap(), "reset 3 {}");
    let mut events = Events::open(&world, Some("2")).await;
    assert_eq!(events.next().await.unwrap(), "ready 2 {}");
    assert!(events.next().await.unwrap().starts_with("change 3 "));
    world.stop().await;
}

#[tokio::test]
async fn streams_are_bounded_and_end_when_the_service_stops() {
    let mut world = World::new().await;
    let mut first = Events::open(&world, None).await;
    let mut others = Vec::new();
    for _ in 1..4 {
        others.push(Events::open(&world, None).await);
    }
    let further = world.ask("GET", "/tenants/events").send().await.unwrap();
    assert_eq!(further.headers()["retry-after"], "1");
    assert_problem(further, 503, "too-many-streams").await;
    assert_eq!(first.next().await.unwrap(), "ready 0 {}");
    world.stop().await;
    assert_eq!(first.next().await, None);
}

#[tokio::test]
async fn a_restart_reads_what_was_written_and_the_file_has_no_password() {
    let mut world = World::new().await;
    world.create("acme").await;
    let token = world.token(&["connections:read"]).await;
    // Behind the prefix and the id; it may have a `_` itself.
    let secret = token.splitn(3, '_').nth(2).unwrap();
    assert_eq!(secret.len(), 43);
    let read = |world: &World| world.ask("GET", "/tenants/acme").send();
    let before = read(&world).await.unwrap().text().await.unwrap();
    world.stop().await;
    for file in std::fs::read_dir(world.directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(PASSWORD));
        assert!(!text.contains(secret));
    }
    world.start().await;
    assert_eq!(read(&world).await.unwrap().text().await.unwrap(), before);
    let placed = world
        .anonymous("GET", "/tenants/acme/connection")
        .bearer_auth(&token);
    assert!(
        placed
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains(PASSWORD)
    );
    world.stop().await;
}

#[tokio::test]
async fn every_route_is_in_the_document_and_answers() {
    let mut world = World::new().await;
    let document = world
        .anonymous("GET", "/openapi.json")
        .send()
        .await
        .unwrap();
    let document: Value = document.json().await.unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            routes.push(format!("{} {path}", method.to_uppercase()));
            // Whatever asks the database may find it away.
            let answers = operation["responses"].as_object().unwrap();
            let fails = answers.keys().any(|status| status.starts_with('5'));
            assert_eq!(fails, path != "/healthz", "{method} {path}");
        }
    }
    routes.sort();
    assert_eq!(
        routes,
        [
            "DELETE /tenants/{id}",
            "DELETE /tokens/{id}",
            "GET /healthz",
            "GET /metrics",
            "GET /readyz",
            "GET /tenants",
            "GET /tenants/events",
            "GET /tenants/{id}",
            "GET /tenants/{id}/connection",
            "PATCH /tenants/{id}",
            "POST /tenants",
            "POST /tokens",
            "GET /tokens",
        ]
        .map(str::to_owned)
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    for route in routes {
        let (method, path) = route.split_once(' ').unwrap();
        let answer = world
            .anonymous(method, &path.replace("{id}", "acme"))
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        assert!(matches!(status, 200 | 401), "{route}: {status}");
    }
    let docs = world.anonymous("GET", "/docs/").send().await.unwrap();
    assert_eq!(docs.status(), StatusCode::OK);
    world.stop().await;
}

#[tokio::test]
async fn a_request_that_is_under_way_is_answered_before_the_service_ends() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut world = World::new().await;
    let mut events = Events::open(&world, None).await;
    assert_eq!(events.next().await.unwrap(), "ready 0 {}");
    let service = world.service.take().unwrap();
    let mut stream = tokio::net::TcpStream::connect(service.address())
        .await
        .unwrap();
    let body = r#"{"id":"acme"}"#;
    let head = format!(
        "POST /tenants HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let expected = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut answer = vec![0; expected.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), expected);

    let stopping = tokio::spawn(service.stop());
    // Stopping has begun.
    assert_eq!(events.next().await, None);
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    stopping.await.unwrap();
}

#[tokio::test]
async fn metrics_can_be_kept_from_strangers() {
    let mut world = World::new().await;
    world.stop().await;
    let service = world.builder().open_metrics(false).start().await.unwrap();
    world.service = Some(service);
    let stranger = world.anonymous("GET", "/metrics").send().await.unwrap();
    assert_problem(stranger, 401, "unauthenticated").await;
    let token = world.token(&["tenants:read"]).await;
    let reader = world.anonymous("GET", "/metrics").bearer_auth(token);
    assert_eq!(reader.send().await.unwrap().status(), StatusCode::OK);
    world.stop().await;
}

proptest::proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(16)
    })]

    /// Four operators read and write in any order, some of them at once, each with the tag of what
    /// he has read.
    #[test]
    fn no_update_is_lost_between_operators(
        rounds in proptest::collection::vec(proptest::bits::u8::between(0, 4), 1..16),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            world.create("acme").await;
            let mut read = [const { None }; 4];
            let mut accepted = serde_json::Map::new();
            for (round, at_once) in rounds.into_iter().enumerate() {
                let steps = read.iter_mut().enumerate().map(async |(operator, read)| {
                    if at_once & (1 << operator) == 0 {
                        return None;
                    }
                    match read.take() {
                        Some(read) => write(&world, read, round, operator).await.then_some(operator),
                        None => {
                            let answer = world.ask("GET", "/tenants/acme").send().await.unwrap();
                            *read = Some((etag(&answer), answer.json().await.unwrap()));
                            None
                        }
                    }
                });
                let won: Vec<_> = join_all(steps).await.into_iter().flatten().collect();
                assert!(won.len() <= 1, "{won:?} in round {round}");
                for operator in won {
                    accepted.insert("last".to_owned(), json!(round));
                    accepted.insert(round.to_string(), json!(operator));
                }
            }
            let now = world.ask("GET", "/tenants/acme").send().await.unwrap();
            let now: Value = now.json().await.unwrap();
            let metadata = now["metadata"].as_object().cloned();
            assert_eq!(metadata.unwrap_or_default(), accepted);
            world.stop().await;
        });
    }
}

/// Adds to what was read. Whether nobody had written in between.
async fn write(
    world: &World,
    (tag, tenant): (String, Value),
    round: usize,
    operator: usize,
) -> bool {
    let mut metadata = tenant["metadata"].clone();
    metadata["last"] = json!(round);
    metadata[round.to_string()] = json!(operator);
    let patch = world
        .ask("PATCH", "/tenants/acme")
        .header("If-Match", tag)
        .json(&json!({ "metadata": metadata }));
    let status = patch.send().await.unwrap().status();
    assert!(status == StatusCode::OK || status == StatusCode::PRECONDITION_FAILED);
    status == StatusCode::OK
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_logged_shown_or_counted() {
    let log = Log::default();
    let writer = log.clone();
    // The workers are other threads: this must be the process's, and no other test's.
    tracing_subscriber::fmt()
        .with_env_filter("trace")
        .with_writer(move || writer.clone())
        .init();
    let mut world = World::new().await;
    world.create("acme").await;
    let token = world.token(&["connections:read"]).await;
    let placed = world
        .anonymous("GET", "/tenants/acme/connection")
        .bearer_auth(&token);
    // Read as bytes: reqwest logs into the same subscriber.
    placed.send().await.unwrap();
    let metrics = world.anonymous("GET", "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("tenant_service_requests_total"),
        "{metrics}"
    );
    assert!(!metrics.contains("acme") && !metrics.contains(PASSWORD));
    let shown = format!("{:?}", world.service);
    world.stop().await;
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(!log.is_empty());
    for secret in [PASSWORD, ADMIN, token.as_str()] {
        assert!(!log.contains(secret), "{secret}");
        assert!(!shown.contains(secret));
    }
}
