//! Settings that make no sense are found before anything is served.

use std::collections::HashMap;

use actix_web::{
    HttpResponse,
    dev::{ServiceRequest, Transform as _, fn_service},
};
use sea_orm_tenant::{
    TenantId,
    actix::{
        TenantMiddleware, TrustedProxies,
        strategy::{
            Claim, Cookie, Header, HostMap, QueryParameter, Subdomain,
            jsonwebtoken::{Algorithm, DecodingKey},
        },
    },
};

use super::tenancy;

#[tokio::test]
async fn a_mistake_is_told_and_nothing_is_served() {
    for (tenants, told) in [
        (
            TenantMiddleware::new(tenancy()).header_name("X Tenant"),
            "the header name \"X Tenant\" is invalid",
        ),
        (
            TenantMiddleware::new(tenancy()).exclude_paths(["/ok", "health", "/{"]),
            "the excluded path \"health\" is invalid: it does not begin with '/'",
        ),
    ] {
        let service = fn_service(|request: ServiceRequest| async {
            Ok(request.into_response(HttpResponse::Ok().finish()))
        });
        assert!(tenants.new_transform(service).await.is_err());
        let error = tenants.checked().unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
    assert!(TenantMiddleware::new(tenancy()).checked().is_ok());
}

#[test]
fn strategies_check_what_they_are_given() {
    assert!(Header::new("").is_err());
    for name in ["", "a b", "a=b", "a;b", "\u{e4}"] {
        assert!(Cookie::new(name).is_err(), "{name}");
    }
    assert!(Cookie::new("__Host-tenant").is_ok());
    assert!(QueryParameter::new("").is_err());
    assert!(QueryParameter::new("f[tenant id]").is_ok());
    for domain in [
        "",
        "a b",
        "books.example:80",
        "[::1]",
        ".example",
        "http://x",
    ] {
        assert!(Subdomain::of(domain).is_err(), "{domain}");
    }
    let acme = || TenantId::from_static("acme");
    let globex = || TenantId::from_static("globex");
    for host in ["", "a:80", "a/b"] {
        assert!(HostMap::new([(host, acme())]).is_err(), "{host}");
    }
    assert!(HostMap::new([("a", acme()), ("A.", globex())]).is_err());
    assert!(HostMap::new(HashMap::from([("a.example", acme())])).is_ok());
    assert!(TrustedProxies::new(["10.0.0.0/33"]).is_err());
}

#[test]
fn debug_tells_the_strategy_that_there_is_by_default() {
    let shown = format!("{:?}", TenantMiddleware::new(tenancy()));
    assert!(shown.contains(r#"["header"]"#), "{shown}");
}

#[test]
fn a_claim_that_no_token_could_have_is_a_mistake() {
    let key = || DecodingKey::from_secret(b"hunter2");
    for (claim, told) in [
        (
            Claim::named("").key(Algorithm::HS256, key()),
            "the claim \"\" is invalid: it has no name",
        ),
        (
            Claim::named("tenant"),
            "the claim \"tenant\" is invalid: there is no key",
        ),
        (
            Claim::named("tenant")
                .key(Algorithm::HS256, key())
                .key(Algorithm::EdDSA, key()),
            "the claim \"tenant\" is invalid: a key is of another kind",
        ),
    ] {
        let error = claim.build().unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn debug_tells_settings_and_no_secrets() {
    let key = DecodingKey::from_secret(b"hunter2");
    let claim = Claim::named("tenant").key(Algorithm::HS256, key);
    let shown = format!("{claim:?}");
    let tenants = TenantMiddleware::new(tenancy())
        .strategy(claim.build().unwrap())
        .exclude_paths(["/health", "/docs/*", "/i/{code}"])
        .on_problem(|_, _| None);
    let shown = format!("{shown} {tenants:?}");
    assert!(shown.contains(r#"["claim"]"#), "{shown}");
    assert!(
        shown.contains(r#"["/health", "/docs/*", "/i/{code}"]"#),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}
