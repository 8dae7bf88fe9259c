use std::{error::Error, time::Duration};

use super::{
    Canned, Reply,
    canned::{json, reply},
};
use crate::{
    Placement, ServiceError, TenantDirectory as _, TenantError, TenantId, TenantQuery,
    TenantStatus, TenantStore,
};

const ACME: TenantId = TenantId::from_static("acme");
const INFO: &str = r#"{"id":"acme","name":"Acme","status":"active","plan":"pro","future":[1],
    "metadata":{"a":1},"created_at":"2026-01-02T03:04:05Z","updated_at":null}"#;
const CONNECTION: &str = r#"{"tenant":"acme","url":"postgres://u:hunter2@h/d","schema":"tenant_acme",
    "placement":"shared","future":1}"#;
const UNKNOWN: &str = r#"{"type":"tag:sea-orm-tenant,2026:unknown-tenant","title":"unknown"}"#;

/// The error of a call, which was made so often, and whose whole chain holds no secret.
async fn failing(reply: Reply, attempts: usize) -> TenantError {
    let canned = Canned::start([reply]).await;
    let client = canned.client();
    let error = client.get_tenant_connection_info(&ACME).await.unwrap_err();
    assert_eq!(canned.heads().len(), attempts, "{error}");
    assert_discreet(&error);
    error
}

fn assert_discreet(error: &TenantError) {
    let mut shown = format!("{error} {error:?}");
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        shown += &format!(" {error} {error:?}");
        cause = error.source();
    }
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains("t0ken"), "{shown}");
}

fn cause(error: &TenantError) -> &ServiceError {
    match error {
        TenantError::StoreUnavailable { source } => source.downcast_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tenant_is_asked_for_with_the_token() {
    let canned = Canned::start([json(200, INFO), json(200, CONNECTION)]).await;
    let client = canned.client();
    let info = client.tenant(&ACME).await.unwrap();
    assert_eq!((info.id.as_str(), info.name.as_str()), ("acme", "Acme"));
    assert_eq!(info.plan.as_deref(), Some("pro"));
    assert_eq!(info.metadata["a"], 1);
    assert!(info.created_at.is_some() && info.updated_at.is_none());
    let placed = client.connection(&ACME).await.unwrap();
    assert_eq!(placed.schema().as_str(), "tenant_acme");
    assert_eq!(placed.url().expose(), "postgres://u:hunter2@h/d");
    assert_eq!(placed.placement(), Placement::Shared);
    let heads = canned.heads();
    assert!(heads[0].starts_with("GET /tenants/acme HTTP/1.1\r\n"));
    assert!(heads[1].starts_with("GET /tenants/acme/connection HTTP/1.1\r\n"));
    assert!(heads[0].contains("authorization: Bearer t0ken\r\n"));
    assert!(heads[0].contains("user-agent: sea-orm-tenant/"));
    assert!(!format!("{client:?} {:?}", canned.builder()).contains("t0ken"));
}

#[tokio::test]
async fn a_listing_is_asked_for_page_by_page() {
    let page = format!(r#"{{"tenants":[{INFO}],"next":"acme"}}"#);
    let canned = Canned::start([json(200, &page), json(200, r#"{"tenants":[],"next":null}"#)]);
    let canned = canned.await;
    let client = canned.client();
    let query = TenantQuery::default()
        .with_status(TenantStatus::Active)
        .with_limit(1);
    let page = client.list(&query).await.unwrap();
    assert_eq!((page.tenants.len(), page.next), (1, Some(ACME)));
    let page = client.list(&query.with_after(ACME)).await.unwrap();
    assert_eq!((page.tenants.len(), page.next), (0, None));
    let heads = canned.heads();
    assert!(heads[0].starts_with("GET /tenants?status=active&limit=1 "));
    assert!(heads[1].starts_with("GET /tenants?status=active&after=acme&limit=1 "));
}

#[tokio::test]
async fn one_entry_that_makes_no_sense_hides_no_other() {
    let strange = [
        r#"{"id":"a","name":"A","status":"hunter2"}"#,
        r#"{"id":"b","name":["hunter2"],"status":"active"}"#,
        r#"{"id":"c","name":"C","status":"active","metadata":"hunter2"}"#,
        r#"{"id":"d","name":"D","status":"active","created_at":"hunter2"}"#,
        r#"{"id":"e","error":"hunter2"}"#,
    ];
    let page = format!(
        r#"{{"tenants":[{},{INFO}],"next":null}}"#,
        strange.join(",")
    );
    let canned = Canned::start([json(200, &page), json(200, CONNECTION)]).await;
    let listed = canned.client().list_placed(&TenantQuery::default()).await;
    let mut listed = listed.unwrap().tenants;
    let acme = listed.pop().unwrap();
    assert_eq!((acme.info.unwrap().name.as_str(), acme.id), ("Acme", ACME));
    assert!(acme.connection.is_ok());
    assert_eq!(listed.len(), strange.len());
    for (tenant, id) in listed.into_iter().zip(["a", "b", "c", "d", "e"]) {
        assert_eq!(tenant.id.as_str(), id);
        let error = tenant.info.unwrap_err();
        assert!(
            matches!(&error, TenantError::InvalidStoreEntry { tenant, .. } if tenant.as_str() == id)
        );
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn no_more_is_asked_for_than_is_read() {
    // As large as the service's store takes them.
    let metadata = "a".repeat(16 * 1024 - r#"{"a":""}"#.len());
    let name = "\\u0001".repeat(200);
    let entry = |number: usize| {
        format!(
            r#"{{"id":"{number:056}","name":"{name}","status":"maintenance","plan":"{}",
            "metadata":{{"a":"{metadata}"}},"created_at":"2026-01-02T03:04:05.678Z",
            "updated_at":"2026-01-02T03:04:05.678Z"}}"#,
            "\\u0001".repeat(100)
        )
    };
    let entries: Vec<_> = (0..200).map(entry).collect();
    let page = format!(r#"{{"tenants":[{}],"next":null}}"#, entries.join(","));
    let canned = Canned::start([json(200, &page)]).await;
    let query = TenantQuery::default().with_limit(1000);
    let page = canned.client().list(&query).await.unwrap();
    assert!(page.tenants.iter().all(|tenant| tenant.info.is_ok()));
    assert_eq!(page.tenants.len(), 200);
    assert!(canned.heads()[0].starts_with("GET /tenants?limit=200 "));
}

#[tokio::test]
async fn a_listing_with_nonsense_is_refused() {
    for body in [
        r#"{"tenants":[{"id":"hunter2 ","name":"","status":"active"}]}"#,
        r#"{"tenants":[],"next":"hunter2 "}"#,
    ] {
        let canned = Canned::start([json(200, body)]).await;
        let error = canned.client().list(&TenantQuery::default()).await;
        let error = error.unwrap_err();
        assert!(matches!(cause(&error), ServiceError::Body { .. }));
        assert_discreet(&error);
    }
    let canned = Canned::start([json(404, UNKNOWN)]).await;
    let error = canned.client().list(&TenantQuery::default()).await;
    assert!(matches!(
        cause(&error.unwrap_err()),
        ServiceError::Status { status: 404 }
    ));
}

#[tokio::test]
async fn only_the_service_says_that_a_tenant_is_unknown() {
    let typed = |kind: &str, body: &str| reply(404, &format!("content-type: {kind}\r\n"), body);
    for reply in [
        json(404, UNKNOWN),
        typed("Application/Problem+JSON; charset=utf-8", UNKNOWN),
    ] {
        let error = failing(reply, 1).await;
        assert!(
            matches!(&error, TenantError::UnknownTenant { tenant } if *tenant == ACME),
            "{error:?}"
        );
    }
    for reply in [
        typed("text/html", "<h1>hunter2</h1>"),
        typed("text/plain", UNKNOWN),
        reply(404, "", UNKNOWN),
        // A gateway's, which finds no service behind it.
        json(404, "{}"),
        json(404, r#"{"error":"no route matched","request_id":"1"}"#),
        json(404, r#"{"type":"about:blank","status":404}"#),
        json(404, r#"{"type":null}"#),
        json(404, "[]"),
        json(404, "hunter2"),
        json(404, r#"{"type":"tag:elsewhere"}"#),
        json(404, r#"{"type":3}"#),
    ] {
        let error = failing(reply, 1).await;
        assert!(matches!(
            cause(&error),
            ServiceError::Status { status: 404 }
        ));
    }
}

#[tokio::test]
async fn a_refused_token_is_a_matter_of_configuration() {
    for status in [401, 403] {
        let error = failing(json(status, "{\"detail\":\"hunter2\"}"), 1).await;
        let shown = error.to_string();
        assert!(matches!(error, TenantError::Configuration(_)), "{shown}");
        assert!(shown.contains("http://127.0.0.1:"), "{shown}");
        assert!(shown.contains(&status.to_string()) && shown.contains("`token`"));
        assert!(!shown.contains("acme"), "{shown}");
    }
}

#[tokio::test]
async fn statuses_that_pass_are_tried_again_and_others_are_not() {
    for (status, attempts) in [
        (500, 4),
        (503, 4),
        (429, 4),
        (400, 1),
        (408, 1),
        (410, 1),
        (204, 1),
        (201, 1),
    ] {
        let error = failing(json(status, "{}"), attempts).await;
        assert!(
            matches!(cause(&error), ServiceError::Status { status: got } if *got == status),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let target = Canned::start([json(200, CONNECTION)]).await;
    let location = format!("location: {}/\r\n", target.base());
    let error = failing(reply(307, &location, ""), 1).await;
    assert!(matches!(
        cause(&error),
        ServiceError::Status { status: 307 }
    ));
    assert_eq!(target.heads().len(), 0);
}

#[tokio::test]
async fn what_breaks_on_the_way_is_tried_again() {
    let Reply::Bytes(whole) = json(200, CONNECTION) else {
        unreachable!()
    };
    let cut = whole[..whole.len() - 9].to_vec();
    let endless = b"HTTP/1.1 200 OK\r\n\r\n{\"tenant\":\"acme\",\"url\":\"hunter2".to_vec();
    for reply in [
        Reply::Close,
        Reply::Bytes(b"hunter2 is not HTTP".to_vec()),
        Reply::Bytes(cut),
    ] {
        let error = failing(reply, 4).await;
        let ServiceError::Transport { source } = cause(&error) else {
            panic!("{error:?}")
        };
        assert!(!source.to_string().contains("acme"), "{source}");
    }
    for reply in [Reply::Bytes(endless), json(200, "")] {
        assert!(matches!(
            cause(&failing(reply, 4).await),
            ServiceError::Truncated
        ));
    }
}

#[tokio::test]
async fn a_refused_connection_is_an_outage() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = crate::TenantServiceClient::builder(base)
        .initial_backoff(Duration::from_millis(1))
        .build()
        .unwrap();
    let error = client.get_tenant_info(&ACME).await.unwrap_err();
    assert!(matches!(cause(&error), ServiceError::Transport { .. }));
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_an_outage() {
    let canned = Canned::start([Reply::Close]).await;
    let base = canned.base().replace("http:", "https:");
    let client = crate::TenantServiceClient::builder(base)
        .connect_timeout(Duration::from_millis(200))
        .max_attempts(1)
        .build()
        .unwrap();
    let error = client.get_tenant_info(&ACME).await.unwrap_err();
    assert!(matches!(cause(&error), ServiceError::Transport { .. }));
}

#[tokio::test]
async fn a_later_attempt_may_succeed() {
    let replies = [json(503, ""), Reply::Close, json(200, ""), json(200, INFO)];
    let canned = Canned::start(replies).await;
    canned.client().get_tenant_info(&ACME).await.unwrap();
    assert_eq!(canned.heads().len(), 4);
}

#[tokio::test]
async fn a_slow_answer_is_an_answer() {
    let Reply::Bytes(bytes) = json(200, INFO) else {
        unreachable!()
    };
    let canned = Canned::start([Reply::Drip(bytes)]).await;
    canned.client().get_tenant_info(&ACME).await.unwrap();
    assert_eq!(canned.heads().len(), 1);
}

#[tokio::test]
async fn bodies_that_are_not_the_services_are_not_asked_for_again() {
    for body in [
        "<h1>hunter2</h1>",
        r#""hunter2""#,
        r#"{"tenant":"acme","url":"hunter2","schema":"a"}"#,
        r#"{"tenant":"acme","url":{"hunter2":1},"schema":"a","placement":"shared"}"#,
        r#"{"tenant":"acme","url":"hunter2","schema":"a","placement":["hunter2"]}"#,
    ] {
        let error = failing(json(200, body), 1).await;
        assert!(
            matches!(cause(&error), ServiceError::Body { .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_body_is_read_up_to_a_bound_whatever_its_head_says() {
    let large = format!("{CONNECTION}{}", " ".repeat(64 * 1024));
    let error = failing(json(200, &large), 1).await;
    assert!(matches!(
        cause(&error),
        ServiceError::TooLarge { bound: 65536 }
    ));
    // Without a length, and without an end.
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let error = failing(Reply::Hang(format!("{head}{large}").into_bytes()), 1).await;
    assert!(matches!(cause(&error), ServiceError::TooLarge { .. }));
    let canned = Canned::start([json(200, &" ".repeat(4 * 1024 * 1024 + 1))]).await;
    let error = canned.client().list(&TenantQuery::default()).await;
    assert!(matches!(
        cause(&error.unwrap_err()),
        ServiceError::TooLarge { .. }
    ));
}

#[tokio::test]
async fn content_that_makes_no_sense_is_the_entrys_fault() {
    for (from, to) in [
        ("acme", "globex"),
        ("postgres://", "http://"),
        ("postgres://u:hunter2@h/d", "hunter2"),
        ("tenant_acme", "postgres://u:hunter2@h/d"),
        ("tenant_acme", "public"),
        ("shared", "hunter2"),
        ("shared", "dedicated"),
    ] {
        let error = failing(json(200, &CONNECTION.replace(from, to)), 1).await;
        assert!(
            matches!(&error, TenantError::InvalidStoreEntry { tenant, .. } if *tenant == ACME),
            "{error:?}"
        );
        assert!(!error.to_string().contains("://"), "{error}");
    }
    for (from, to) in [
        ("acme", "globex"),
        ("active", "hunter2"),
        ("2026-01-02T", "hunter2"),
    ] {
        let canned = Canned::start([json(200, &INFO.replace(from, to))]).await;
        let error = canned.client().get_tenant_info(&ACME).await.unwrap_err();
        assert!(
            matches!(error, TenantError::InvalidStoreEntry { .. }),
            "{error:?}"
        );
        assert_discreet(&error);
    }
}

#[tokio::test]
async fn places_of_every_kind_are_understood() {
    for (url, schema, placement) in [
        ("mysql://h/acmeDb", "acmeDb", "dedicated"),
        ("postgres://h/acme", "public", "dedicated"),
        ("sqlite:///srv/tenants/tenant_acme.sqlite", "main", "shared"),
    ] {
        let body = format!(
            r#"{{"tenant":"acme","url":"{url}","schema":"{schema}","placement":"{placement}"}}"#
        );
        let canned = Canned::start([json(200, &body)]).await;
        let placed = canned.client().connection(&ACME).await.unwrap();
        assert_eq!(placed.schema().as_str(), schema);
        assert_eq!(placed.url().expose(), url);
    }
}

#[tokio::test]
async fn attempts_that_hang_are_given_up_and_made_again() {
    for begun in ["", "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"] {
        let canned = Canned::start([Reply::Hang(begun.as_bytes().to_vec())]).await;
        let within = Duration::from_millis(100);
        let builder = canned.builder().attempt_timeout(within).max_attempts(3);
        let client = builder.build().unwrap();
        let error = client.get_tenant_info(&ACME).await.unwrap_err();
        assert!(matches!(cause(&error), ServiceError::Timeout { within: w } if *w == within));
        assert_eq!(canned.heads().len(), 3);
    }
}

#[tokio::test]
async fn the_whole_call_is_bounded_and_keeps_its_cause() {
    let canned = Canned::start([json(503, ""), Reply::Hang(Vec::new())]).await;
    let client = canned.builder().total_timeout(Duration::from_secs(1));
    let error = client.build().unwrap().get_tenant_info(&ACME).await;
    assert!(matches!(
        cause(&error.unwrap_err()),
        ServiceError::Status { status: 503 }
    ));
    assert_eq!(canned.heads().len(), 2);
}

#[tokio::test]
async fn the_service_says_when_to_come_again() {
    // Beyond the bound of the whole call: there is nothing to wait for.
    let date = std::time::SystemTime::now() + Duration::from_secs(3600);
    for wanted in ["3600".to_owned(), httpdate::fmt_http_date(date)] {
        for status in [429, 503] {
            let retry_after = format!("retry-after: {wanted}\r\n");
            let error = failing(reply(status, &retry_after, ""), 1).await;
            assert!(matches!(cause(&error), ServiceError::Status { .. }));
        }
    }
    for harmless in ["0", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        failing(reply(503, &format!("retry-after: {harmless}\r\n"), ""), 4).await;
    }
}
