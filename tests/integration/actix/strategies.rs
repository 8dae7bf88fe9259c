//! Each way in which a request names its tenant, and what is refused there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{current, get, named, of, ok, refused, send, tenancy};
use actix_web::{cookie, http::header, test::TestRequest, web};
use sea_orm_tenant::{
    TenantId,
    actix::{
        TenantMiddleware, TenantProblem, TrustedProxies,
        strategy::{Cookie, Custom, HostMap, PathSegment, QueryParameter, Subdomain},
    },
};

fn tenants() -> TenantMiddleware {
    TenantMiddleware::new(tenancy())
}

fn at(host: &str) -> TestRequest {
    get("/").insert_header(("host", host))
}

#[tokio::test]
async fn without_a_strategy_the_header_x_tenant_id_names_the_tenant() {
    assert_eq!(named(tenants(), of("acme")).await, ok("acme"));
    let upper = get("/").insert_header(("X-TENANT-ID", "globex"));
    assert_eq!(named(tenants(), upper).await, ok("globex"));
    assert_eq!(
        named(tenants(), get("/")).await,
        refused(400, "tenant-missing")
    );
}

#[tokio::test]
async fn a_strategy_takes_the_place_of_the_default_header() {
    let tenants = || tenants().header_name("X-Customer");
    assert_eq!(
        named(tenants(), of("acme")).await,
        refused(400, "tenant-missing")
    );
    let request = get("/").insert_header(("x-customer", "acme"));
    assert_eq!(named(tenants(), request).await, ok("acme"));
}

#[tokio::test]
async fn a_header_that_is_no_id_is_refused() {
    for value in ["", "Acme", "acme ; drop", "acme,globex", "äcme", "a/b", "'"] {
        let request = get("/").insert_header(("x-tenant-id", value.as_bytes()));
        let answer = named(tenants(), request).await;
        let (status, _) = answer.expect_err(value);
        assert_eq!(status, 400, "{value}");
    }
}

#[tokio::test]
async fn a_repeated_header_is_refused_even_when_both_say_the_same() {
    for second in ["acme", "globex"] {
        let request = of("acme").append_header(("x-tenant-id", second));
        assert_eq!(
            named(tenants(), request).await,
            refused(400, "tenant-ambiguous")
        );
    }
}

#[tokio::test]
async fn a_subdomain_names_the_tenant() {
    let tenants = || tenants().strategy(Subdomain::of("books.example").unwrap());
    for host in [
        "acme.books.example",
        "ACME.Books.EXAMPLE",
        "acme.books.example:8080",
        "acme.books.example.",
        "acme.books.example.:443",
    ] {
        assert_eq!(named(tenants(), at(host)).await, ok("acme"), "{host}");
    }
    for host in [
        "books.example",
        "www.books.example",
        "WWW.books.example:80",
        "other.example",
        "acmebooks.example",
        "acme.books.example.evil.example",
        "[::1]:8080",
        "127.0.0.1",
    ] {
        assert_eq!(
            named(tenants(), at(host)).await,
            refused(400, "tenant-missing"),
            "{host}"
        );
    }
    for host in [
        "a.acme.books.example",
        "acme..books.example",
        ".books.example",
        "acme.books.example:port",
        "acme@books.example",
        "%61cme.books.example",
        "acme.books.example, globex.books.example",
    ] {
        assert_eq!(
            named(tenants(), at(host)).await,
            refused(400, "tenant-ambiguous"),
            "{host}"
        );
    }
    let long = format!("{}.books.example", "a".repeat(57));
    assert_eq!(
        named(tenants(), at(&long)).await,
        refused(400, "invalid-tenant-id")
    );
}

#[tokio::test]
async fn labels_are_reserved_besides_www() {
    let strategy = Subdomain::of("books.example").unwrap();
    let tenants = tenants().strategy(strategy.reserved(["API"]).reserved(["acme"]));
    for label in ["www", "api", "acme"] {
        let host = format!("{label}.books.example");
        assert_eq!(
            named(tenants.clone(), at(&host)).await,
            refused(400, "tenant-missing"),
            "{label}"
        );
    }
    assert_eq!(
        named(tenants, at("globex.books.example")).await,
        ok("globex")
    );
}

#[tokio::test]
async fn a_whole_host_names_the_tenant() {
    let hosts = || {
        HostMap::new([
            ("books.acme.example", TenantId::from_static("acme")),
            ("Globex.example.", TenantId::from_static("globex")),
            ("[::1]", TenantId::from_static("initech")),
        ])
        .unwrap()
    };
    for (host, tenant) in [
        ("books.acme.example:80", "acme"),
        ("GLOBEX.example", "globex"),
        ("[::1]:8080", "initech"),
    ] {
        assert_eq!(
            named(tenants().strategy(hosts()), at(host)).await,
            ok(tenant)
        );
    }
    assert_eq!(
        named(tenants().strategy(hosts()), at("acme.example")).await,
        refused(400, "tenant-missing")
    );
}

#[tokio::test]
async fn only_a_trusted_proxy_says_which_host_it_was() {
    let tenants = || {
        tenants()
            .strategy(Subdomain::of("books.example").unwrap())
            .trusted_proxies(TrustedProxies::new(["10.0.0.0/8"]).unwrap())
    };
    for forwarded in [
        ("x-forwarded-host", "globex.books.example"),
        ("forwarded", "for=192.0.2.9;host=globex.books.example"),
    ] {
        let request = || at("acme.books.example").insert_header(forwarded);
        let from = |peer: &str| request().peer_addr(peer.parse().unwrap());
        assert_eq!(named(tenants(), from("10.1.1.1:9")).await, ok("globex"));
        assert_eq!(named(tenants(), from("192.0.2.1:9")).await, ok("acme"));
        assert_eq!(named(tenants(), request()).await, ok("acme"));
    }
}

#[tokio::test]
async fn a_segment_of_the_path_names_the_tenant() {
    let tenants = || tenants().strategy(PathSegment::first());
    for path in ["/acme/books", "/acme", "/acme/", "/%61cme/books?x=/globex"] {
        assert_eq!(named(tenants(), get(path)).await, ok("acme"), "{path}");
    }
    assert_eq!(
        named(tenants(), get("/")).await,
        refused(400, "tenant-missing")
    );
    for path in [
        "//acme/books",
        "/Acme",
        "/acme%2Fbooks",
        "/../acme",
        "/ac me",
    ] {
        let path = path.replace(' ', "%20");
        assert_eq!(
            named(tenants(), get(&path)).await,
            refused(400, "invalid-tenant-id"),
            "{path}"
        );
    }
    let second = TenantMiddleware::new(tenancy()).strategy(PathSegment::at(1));
    assert_eq!(named(second, get("/t/acme/books")).await, ok("acme"));
}

/// What a route sees.
async fn path(request: actix_web::HttpRequest, parameters: web::Path<String>) -> String {
    let (path, query) = (request.path(), request.query_string());
    format!("{} {path} {parameters} {query}", current())
}

#[tokio::test]
async fn the_segment_can_be_taken_out_before_routing() {
    let tenants = || tenants().strategy(PathSegment::first().strip());
    let routes = |config: &mut web::ServiceConfig| {
        config.route("/books/{id}", web::get().to(path));
    };
    let answer = send(tenants(), routes, get("/acme/books/1?q=a%2Fb")).await;
    assert_eq!(answer.text(), "acme /books/1 1 q=a%2Fb");
    let answer = send(tenants(), routes, get("/acme/books/a%2Fb")).await;
    assert_eq!(answer.text(), "acme /books/a%2Fb a/b ");
    assert_eq!(send(tenants(), routes, get("/books/1")).await.status, 404);
    // Another strategy's find leaves the path alone.
    let tenants = TenantMiddleware::new(tenancy())
        .header_name("x-tenant-id")
        .strategy(PathSegment::first().strip());
    let request = get("/books/1").insert_header(("x-tenant-id", "acme"));
    assert_eq!(
        send(tenants, routes, request).await.text(),
        "acme /books/1 1 "
    );
}

#[tokio::test]
async fn a_scope_counts_segments_from_where_it_is() {
    let tenants = tenants().strategy(PathSegment::first().strip());
    let app = actix_web::test::init_service(
        actix_web::App::new().service(
            web::scope("/api/{version}")
                .wrap(tenants)
                .route("/books/{id}", web::get().to(scoped)),
        ),
    )
    .await;
    async fn scoped(request: actix_web::HttpRequest) -> String {
        let of = |name| request.match_info().get(name).unwrap().to_owned();
        format!("{} {} {}", current(), of("version"), of("id"))
    }
    for (uri, seen) in [
        ("/api/v1/acme/books/7", "acme v1 7"),
        ("/api/v%31/acme/books/7", "acme v1 7"),
    ] {
        let request = get(uri).to_request();
        let body = actix_web::test::call_and_read_body(&app, request).await;
        assert_eq!(body, seen, "{uri}");
    }
}

#[tokio::test]
async fn a_parameter_of_the_query_names_the_tenant() {
    let tenants = || tenants().strategy(QueryParameter::new("tenant").unwrap());
    for uri in [
        "/?tenant=acme",
        "/?a=b&tenant=%61cme&c",
        "/?tenants=x&tenant=acme",
    ] {
        assert_eq!(named(tenants(), get(uri)).await, ok("acme"), "{uri}");
    }
    for uri in ["/", "/?Tenant=acme", "/?a=tenant=acme"] {
        assert_eq!(
            named(tenants(), get(uri)).await,
            refused(400, "tenant-missing"),
            "{uri}"
        );
    }
    for uri in ["/?tenant=", "/?tenant", "/?tenant=a%00b", "/?tenant=acme+"] {
        assert_eq!(
            named(tenants(), get(uri)).await,
            refused(400, "invalid-tenant-id"),
            "{uri}"
        );
    }
    for uri in ["/?tenant=acme&tenant=globex", "/?tenant=acme&%74enant=acme"] {
        assert_eq!(
            named(tenants(), get(uri)).await,
            refused(400, "tenant-ambiguous"),
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_cookie_names_the_tenant() {
    let tenants = || tenants().strategy(Cookie::new("tenant").unwrap());
    let request = get("/").cookie(cookie::Cookie::new("tenant", "acme"));
    assert_eq!(named(tenants(), request).await, ok("acme"));
    let cookies = |text: &'static str| get("/").insert_header((header::COOKIE, text));
    assert_eq!(
        named(tenants(), cookies("a=b; tenant=acme; c=d")).await,
        ok("acme")
    );
    assert_eq!(
        named(tenants(), cookies("other=acme")).await,
        refused(400, "tenant-missing")
    );
    assert_eq!(
        named(tenants(), cookies("tenant=acme; tenant=globex")).await,
        refused(400, "tenant-ambiguous")
    );
    let twice = cookies("tenant=acme").append_header((header::COOKIE, "tenant=acme"));
    assert_eq!(
        named(tenants(), twice).await,
        refused(400, "tenant-ambiguous")
    );
}

#[tokio::test]
async fn a_closure_names_the_tenant() {
    #[derive(Clone)]
    struct Login(&'static str);
    use actix_web::HttpMessage as _;
    let tenants = || {
        tenants().strategy(Custom::new("login", |request| {
            match request.request().extensions().get::<Login>() {
                Some(Login("mallory")) => Err(TenantProblem::forbidden("a stranger")),
                Some(Login(name)) => Ok(Some(TenantId::try_from(*name)?)),
                None => Ok(None),
            }
        }))
    };
    // What a middleware outside leaves with the request.
    let login = |name| {
        let request = get("/").to_srv_request();
        request.extensions_mut().insert(Login(name));
        request
    };
    use actix_web::dev::{Service as _, Transform as _, fn_service};
    for (name, expected) in [("acme", 200), ("mallory", 403), ("Acme", 400)] {
        let handler = fn_service(|request: actix_web::dev::ServiceRequest| async {
            Ok(request.into_response(actix_web::HttpResponse::Ok().body(current())))
        });
        let service = tenants().new_transform(handler).await.unwrap();
        let response = service.call(login(name)).await.unwrap();
        assert_eq!(response.status(), expected, "{name}");
    }
    assert_eq!(
        named(tenants(), get("/")).await,
        refused(400, "tenant-missing")
    );
}

#[tokio::test]
async fn a_closure_may_have_to_ask() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let tenants = tenants().strategy(Custom::later("domain", move |request| {
        let asked = count.clone();
        Box::pin(async move {
            asked.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            let host = request.host()?;
            Ok((host.as_deref() == Some("acme.example")).then_some(TenantId::from_static("acme")))
        })
    }));
    assert_eq!(
        named(tenants.clone(), at("ACME.example:1")).await,
        ok("acme")
    );
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(
        named(tenants, at("x.example")).await,
        refused(400, "tenant-missing")
    );
}

#[tokio::test]
async fn the_first_strategy_that_finds_a_tenant_decides() {
    let tenants = || {
        tenants()
            .header_name("x-tenant-id")
            .strategy(QueryParameter::new("tenant").unwrap())
    };
    let both = get("/?tenant=globex").insert_header(("x-tenant-id", "acme"));
    assert_eq!(named(tenants(), both).await, ok("acme"));
    assert_eq!(named(tenants(), get("/?tenant=globex")).await, ok("globex"));
    // What is invalid is not passed over.
    let invalid = get("/?tenant=globex").insert_header(("x-tenant-id", "!"));
    assert_eq!(
        named(tenants(), invalid).await,
        refused(400, "invalid-tenant-id")
    );
}
