//! Into the tenant management service, and out of something that says to be it.

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, HttpServer, web};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use sea_orm::{ConnectionTrait as _, Database};
use sea_orm_tenant::{DatabaseUrl, TenantId, TenantServiceClient, UrlKeys};
use serde_json::{Value, json};
use tenant_service::Service;

use super::{is_id, names};
use crate::support::plain;

const TOKEN: &str = "an-administrator-of-these-tests";
static ACME: TenantId = TenantId::from_static("acme");

struct Asking {
    http: reqwest::Client,
    url: String,
}

impl Asking {
    /// The status, and the document.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.http.request(method, format!("{}{path}", self.url));
        let mut request = request.bearer_auth(TOKEN).header("if-match", "*");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").cloned();
        let text = answer.text().await.unwrap();
        if status >= 400 {
            let kind = kind.expect(&text);
            assert_eq!(kind, "application/problem+json", "{text}");
        }
        (status, serde_json::from_str(&text).unwrap_or_default())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_takes_no_name_that_is_none() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("service.sqlite");
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let service = Service::builder(
        DatabaseUrl::new(url.as_str()).unwrap(),
        UrlKeys::generate().unwrap(),
    )
    .listen(([127, 0, 0, 1], 0).into())
    .admin_token(TOKEN)
    .start()
    .await
    .unwrap();
    let asking = Asking {
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
        url: format!("http://{}", service.address()),
    };
    let database = json!({"url": "postgres://app@db.example/app"});
    let mut made = std::collections::BTreeSet::new();
    for name in names(800, 8_000) {
        let segment = utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string();
        let is_new = is_id(&name) && made.insert(name.clone());
        let creation = json!({"id": name, "connection": database});
        let (status, problem) = asking.ask(Method::POST, "/tenants", Some(creation)).await;
        match (is_id(&name), is_new) {
            (true, true) => assert_eq!(status, 201, "{name:?}: {problem}"),
            (true, false) => assert_eq!(status, 409, "{name:?}: {problem}"),
            _ => assert_eq!(status, 422, "{name:?}: {problem}"),
        }
        for (method, path, body) in [
            (Method::GET, format!("/tenants/{segment}"), None),
            (Method::GET, format!("/tenants/{segment}/connection"), None),
            (Method::GET, format!("/tenants?after={segment}"), None),
            (
                Method::PATCH,
                format!("/tenants/{segment}"),
                Some(json!({"plan": "gold"})),
            ),
        ] {
            let (status, document) = asking.ask(method, &path, body).await;
            let is_well = if is_id(&name) {
                status == 200
            } else {
                (400..500).contains(&status)
            };
            // No name in the path: another route.
            assert!(is_well || name.is_empty(), "{path}: {status} {document}");
        }
    }
    // Names of schemas that are none, of which no tenant is made.
    let mut schemas = 0;
    for (number, schema) in names(400, 4_000).enumerate() {
        let is_schema = !schema.is_empty()
            && schema.len() <= 63
            && schema.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte)
            })
            && !schema.starts_with('-');
        let mut connection = database.clone();
        connection["schema"] = json!(schema);
        let creation = json!({"id": format!("s{number}"), "connection": connection});
        let (status, problem) = asking.ask(Method::POST, "/tenants", Some(creation)).await;
        assert!(is_schema || status == 422, "{schema:?}: {status} {problem}");
        // Reserved, or somebody's already.
        assert!(
            !is_schema || [201, 409, 422].contains(&status),
            "{schema:?}: {status} {problem}"
        );
        schemas += usize::from(status == 201);
    }
    assert_eq!(listed(&asking).await, made.len() + schemas);

    // With its tables gone, whatever asks them is told of an outage.
    let db = Database::connect(plain(&DatabaseUrl::new(url).unwrap()))
        .await
        .unwrap();
    db.execute_unprepared("DROP TABLE sea_orm_tenant")
        .await
        .unwrap();
    db.close().await.unwrap();
    let (mut refused, mut asked) = (0, 0);
    for name in names(400, 4_000).filter(|name| !name.is_empty()) {
        let segment = utf8_percent_encode(&name, NON_ALPHANUMERIC);
        let (status, document) = asking
            .ask(Method::GET, &format!("/tenants/{segment}"), None)
            .await;
        match is_id(&name) {
            true => asked += usize::from(status >= 500),
            false => refused += usize::from((400..500).contains(&status)),
        }
        assert_eq!(status >= 500, is_id(&name), "{name:?}: {document}");
    }
    assert!(refused > 100 && asked > 10, "{refused} and {asked}");
    service.stop().await;
    figures::figure("names-tried", figures::sized(1_600, 16_000));
}

async fn listed(asking: &Asking) -> usize {
    let (mut count, mut after) = (0, String::new());
    loop {
        let path = format!("/tenants?limit=1000{after}");
        let (_, page) = asking.ask(Method::GET, &path, None).await;
        count += page["tenants"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return count,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_believes_no_name_that_it_did_not_ask_for() {
    let said = Arc::new(Mutex::new(Value::Null));
    let answer = said.clone();
    let server = HttpServer::new(move || {
        let answer = answer.clone();
        App::new().default_service(web::to(move || {
            let document = answer.lock().unwrap().clone();
            async move { HttpResponse::Ok().json(document) }
        }))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    let client = TenantServiceClient::builder(url)
        .max_attempts(1)
        .build()
        .unwrap();
    let (mut tried, mut believed) = (0, 0);
    for name in names(1_000, 10_000).chain(["acme".to_owned()]) {
        *said.lock().unwrap() = json!({"id": name, "name": name, "status": "active"});
        let info = client.get_tenant_info(&ACME).await;
        assert_eq!(info.is_ok(), name == "acme", "{name:?}: {info:?}");

        let url = "postgres://app@db.example/app";
        let connection =
            json!({"tenant": name, "url": url, "schema": "tenant_acme", "placement": "shared"});
        *said.lock().unwrap() = connection;
        let place = client.get_tenant_connection_info(&ACME).await;
        assert_eq!(place.is_ok(), name == "acme", "{name:?}: {place:?}");

        for key in ["schema", "url", "placement"] {
            let mut connection = json!({"tenant": "acme", "url": url, "schema": "tenant_acme", "placement": "shared"});
            connection[key] = json!(name);
            *said.lock().unwrap() = connection;
            if let Ok(place) = client.get_tenant_connection_info(&ACME).await {
                assert!(
                    key == "schema" && place.schema().as_str() == name,
                    "{key} {name:?}"
                );
                assert!(!name.contains(['"', '`', '\'', '$', '.', '\0']), "{name:?}");
                believed += 1;
            }
        }
        *said.lock().unwrap() =
            json!({"tenants": [{"id": name, "name": "x", "status": "active"}], "next": null});
        let page = client.list(&sea_orm_tenant::TenantQuery::default()).await;
        assert_eq!(page.is_ok(), is_id(&name), "{name:?}: {page:?}");
        tried += 1;
    }
    handle.stop(false).await;
    assert!(believed > 10, "{believed}");
    figures::figure("names-tried", tried);
}
