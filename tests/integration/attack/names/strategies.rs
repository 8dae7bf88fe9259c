//! By the ways in which a request names its tenant.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    dev::Service as _,
    http::{Uri, header::HeaderValue},
    test::{TestRequest, init_service},
    web,
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sea_orm_tenant::{
    ConnectionInfo, Tenancy, TenantContext, TenantError, TenantId, TenantInfo, TenantStore,
    actix::{
        TenantMiddleware, TenantProblem,
        strategy::{Cookie, Custom, HostMap, PathSegment, QueryParameter, Subdomain},
    },
};
use serde_json::{Value, json};

use super::{is_id, names};
use crate::actix::claims::{claim, token};

/// Knows every tenant, so that nothing but the name itself can be refused.
#[derive(Clone, Default)]
struct Everybody(Arc<AtomicUsize>);

#[async_trait::async_trait]
impl TenantStore for Everybody {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Arc::new(TenantInfo::active(id.clone())))
    }

    async fn connection(&self, _: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        panic!("nobody asked for rows")
    }
}

/// Sends each name by one strategy: `request` says it, and `meant` what it says then.
async fn attack(
    strategy: impl Fn(TenantMiddleware) -> TenantMiddleware,
    request: impl Fn(&str) -> Option<TestRequest>,
    meant: impl Fn(&str) -> Option<String>,
) {
    let store = Everybody::default();
    let tenancy = Tenancy::builder().store(store.clone()).build().unwrap();
    let tenants = strategy(TenantMiddleware::new(tenancy));
    let who = || async {
        let tenant = TenantContext::try_current();
        HttpResponse::Ok().body(tenant.expect("a handler has a tenant").to_string())
    };
    let app = init_service(App::new().wrap(tenants).default_service(web::to(who))).await;
    let (mut tried, mut served) = (0, 0);
    for name in names(10_000, 50_000) {
        // What HTTP itself cannot carry.
        let Some(request) = request(&name) else {
            continue;
        };
        tried += 1;
        let response = app.call(request.to_request()).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body()).await.unwrap_or_default();
        let meant = meant(&name).filter(|meant| is_id(meant));
        if status == 200 {
            served += 1;
            let found = String::from_utf8(body.to_vec()).unwrap();
            assert_eq!(Some(found), meant, "{name:?}");
            continue;
        }
        assert_eq!(None, meant, "{name:?} is an id, and refused with {status}");
        assert!([400, 401, 403].contains(&status), "{name:?}: {status}");
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert!(
            problem["type"]
                .as_str()
                .unwrap()
                .starts_with("tag:sea-orm-tenant"),
            "{problem}"
        );
        // Answers repeat nothing of it.
        assert!(
            name.len() < 8 || !String::from_utf8_lossy(&body).contains(&name),
            "{name:?}"
        );
    }
    assert_eq!(
        store.0.load(Ordering::Relaxed),
        served,
        "refused names were asked for"
    );
    assert!(tried > 2_000 && served > 100, "{served} of {tried}");
    figures::figure("names-tried", tried);
}

fn get(uri: &str) -> Option<TestRequest> {
    // As a server parses it.
    uri.parse::<Uri>().ok()?;
    Some(TestRequest::get().uri(uri))
}

fn with(header: &str, value: &str) -> Option<TestRequest> {
    let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
    Some(TestRequest::get().insert_header((header, value)))
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

fn as_it_is(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[tokio::test]
async fn a_header_is_the_tenant_of_exactly_that_name() {
    attack(
        |tenants| tenants,
        |name| with("x-tenant-id", name),
        as_it_is,
    )
    .await;
}

#[tokio::test]
async fn a_closures_word_is_the_tenant_of_exactly_that_name() {
    let strategy = Custom::new("verbatim", |request| {
        let value = request.request().headers().get("x-name");
        let text = value.map(|value| String::from_utf8_lossy(value.as_bytes()));
        Ok(text.map(|text| TenantId::try_from(&*text)).transpose()?)
    });
    let strategy = Arc::new(strategy);
    attack(
        |tenants| {
            let strategy = strategy.clone();
            tenants.strategy(Custom::later("the same, later", move |request| {
                let strategy = strategy.clone();
                Box::pin(async move {
                    use sea_orm_tenant::actix::{TenantStrategy as _, strategy::Identification};
                    match strategy.identify(request) {
                        Identification::Now(identified) => identified,
                        Identification::Later(identified) => identified.await,
                    }
                })
            }))
        },
        |name| with("x-name", name),
        as_it_is,
    )
    .await;
}

#[tokio::test]
async fn a_parameter_is_the_tenant_of_exactly_that_name() {
    let by_query =
        |tenants: TenantMiddleware| tenants.strategy(QueryParameter::new("tenant").unwrap());
    attack(
        by_query,
        |name| get(&format!("/?tenant={}", encoded(name))),
        as_it_is,
    )
    .await;
    // As somebody types it: a form is decoded once, and its first value ends at `&`.
    let decoded = |name: &str| {
        let value = name
            .split(['&', '#'])
            .next()
            .unwrap_or_default()
            .replace('+', " ");
        Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
    };
    attack(by_query, |name| get(&format!("/?tenant={}", name)), decoded).await;
}

#[tokio::test]
async fn a_segment_is_the_tenant_of_exactly_that_name() {
    for strip in [false, true] {
        let by_path = |tenants: TenantMiddleware| {
            let first = PathSegment::first();
            tenants.strategy(if strip { first.strip() } else { first })
        };
        attack(
            by_path,
            |name| get(&format!("/{}/books", encoded(name))),
            as_it_is,
        )
        .await;
        let first = |name: &str| {
            let path = name.split(['?', '#']).next().unwrap_or_default();
            // Slashes are not decoded.
            let segment = path.split('/').next().unwrap_or_default();
            Some(percent_decode_str(segment).decode_utf8_lossy().into_owned())
        };
        attack(by_path, |name| get(&format!("/{name}")), first).await;
    }
}

#[tokio::test]
async fn a_cookie_is_the_tenant_of_exactly_that_name() {
    let by_cookie = |tenants: TenantMiddleware| tenants.strategy(Cookie::new("tenant").unwrap());
    let decoded = |name: &str| {
        let value = name.split(';').next().unwrap_or_default().trim();
        Some(percent_decode_str(value).decode_utf8().ok()?.into_owned())
    };
    attack(
        by_cookie,
        |name| with("cookie", &format!("tenant={name}")),
        decoded,
    )
    .await;
}

#[tokio::test]
async fn a_subdomain_is_the_tenant_of_exactly_that_name() {
    // The one thing that DNS does not tell apart is case.
    let lower = |name: &str| Some(name.to_ascii_lowercase()).filter(|label| label != "www");
    attack(
        |tenants| tenants.strategy(Subdomain::of("books.example").unwrap()),
        |name| with("host", &format!("{name}.books.example")),
        lower,
    )
    .await;
}

#[tokio::test]
async fn a_host_is_the_tenant_of_exactly_that_host() {
    let map = || {
        let hosts =
            ["acme", "globex"].map(|id| (format!("{id}.example"), TenantId::from_static(id)));
        HostMap::new(hosts).unwrap()
    };
    // Every second name is one of theirs, with what may follow a host.
    let hosts = ["acme", "globex", "ACME", "gloBEX"];
    let ends = [".example", ".example:80", ".example.", ".EXAMPLE.:8080"];
    let host = |name: &str| match name.len() % 2 {
        0 => format!("{name}.example"),
        _ => format!("{}{}", hosts[name.len() / 2 % 4], ends[name.len() / 8 % 4]),
    };
    let meant = |name: &str| {
        let host = host(name).to_ascii_lowercase();
        let host = host
            .trim_end_matches([':', '8', '0'])
            .trim_end_matches('.')
            .to_owned();
        let tenant = host.strip_suffix(".example")?;
        ["acme", "globex"]
            .contains(&tenant)
            .then(|| tenant.to_owned())
    };
    attack(
        |tenants| tenants.strategy(map()),
        |name| with("host", &host(name)),
        meant,
    )
    .await;
}

#[tokio::test]
async fn a_claim_is_the_tenant_of_exactly_that_name() {
    let bearer = |name: &str| {
        let signed = token(&json!({ "tenant": name }));
        Some(TestRequest::get().insert_header(("authorization", format!("Bearer {signed}"))))
    };
    attack(
        |tenants| tenants.strategy(claim().build().unwrap()),
        bearer,
        as_it_is,
    )
    .await;
    // Where a name stands for the whole token, or for a part of it, nobody is found.
    let forged = |name: &str| {
        let signed = token(&json!({"tenant": "acme"}));
        let (body, signature) = signed.rsplit_once('.').unwrap();
        let token = match name.len() % 3 {
            0 => name.to_owned(),
            1 => format!("{body}.{name}"),
            _ => format!("{name}.{body}.{signature}"),
        };
        with("authorization", &format!("Bearer {token}"))
    };
    let tenants = |tenants: TenantMiddleware| {
        let tenants = tenants.strategy(claim().build().unwrap());
        // So that there is somebody to be served, when a forged token is passed by.
        tenants.strategy(Custom::new("nobody", |_| Err(TenantProblem::Missing)))
    };
    refused_all(tenants, forged).await;
}

/// As [`attack`], where not one name may be served.
async fn refused_all(
    strategy: impl Fn(TenantMiddleware) -> TenantMiddleware,
    request: impl Fn(&str) -> Option<TestRequest>,
) {
    let tenancy = Tenancy::builder()
        .store(Everybody::default())
        .build()
        .unwrap();
    let tenants = strategy(TenantMiddleware::new(tenancy));
    let ok = || async { HttpResponse::Ok().finish() };
    let app = init_service(App::new().wrap(tenants).default_service(web::to(ok))).await;
    let mut tried = 0;
    for name in names(10_000, 50_000) {
        if let Some(request) = request(&name) {
            tried += 1;
            let response = app.call(request.to_request()).await.unwrap();
            assert!(
                response.status().is_client_error(),
                "{name:?}: {}",
                response.status()
            );
        }
    }
    assert!(tried > 2_000, "{tried}");
    figures::figure("names-tried", tried);
}
