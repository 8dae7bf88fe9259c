//! Tenants that are named by a claim of a token, and tokens that are not believed.

use std::sync::LazyLock;

use actix_web::{http::header, test::TestRequest};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header as TokenHeader, encode};
use sea_orm_tenant::actix::{
    TenantMiddleware,
    strategy::{Claim, ClaimBuilder, Subdomain},
};
use serde_json::{Value, json};

use super::{get, named, of, ok, refused, send, tenancy};

fn tenants() -> TenantMiddleware {
    TenantMiddleware::new(tenancy())
}

fn at(host: &str) -> TestRequest {
    get("/").insert_header(("host", host))
}

const SECRET: &[u8] = b"a secret of these tests, long enough for HMAC";

/// A key pair for Ed25519.
static PAIR: LazyLock<rcgen::KeyPair> =
    LazyLock::new(|| rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap());

fn public() -> Vec<u8> {
    PAIR.public_key_pem().into_bytes()
}

pub fn claim() -> ClaimBuilder {
    Claim::named("tenant").key(Algorithm::HS256, DecodingKey::from_secret(SECRET))
}

fn bearer(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
}

/// A token that is valid for a minute, but for what the claims say.
pub fn token(claims: &Value) -> String {
    signed(&TokenHeader::new(Algorithm::HS256), claims)
}

fn signed(header: &TokenHeader, claims: &Value) -> String {
    let mut all = json!({"exp": now() + 60});
    all.as_object_mut()
        .unwrap()
        .extend(claims.as_object().unwrap().clone());
    let key = match header.alg {
        Algorithm::EdDSA => EncodingKey::from_ed_pem(PAIR.serialize_pem().as_bytes()).unwrap(),
        _ => EncodingKey::from_secret(SECRET),
    };
    encode(header, &all, &key).unwrap()
}

fn now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

async fn with_token(claim: ClaimBuilder, token: &str) -> Result<String, (u16, String)> {
    named(
        tenants().strategy(claim.build().unwrap()),
        bearer(get("/"), token),
    )
    .await
}

#[tokio::test]
async fn a_claim_of_a_verified_token_names_the_tenant() {
    let acme = token(&json!({"tenant": "acme"}));
    assert_eq!(with_token(claim(), &acme).await, ok("acme"));
    let lower = get("/").insert_header(("authorization", format!("bearer\t {acme}")));
    assert_eq!(
        named(tenants().strategy(claim().build().unwrap()), lower).await,
        ok("acme")
    );

    let nested = token(&json!({"org": {"id": "globex"}}));
    let claim = Claim::named("/org/id").key(Algorithm::HS256, DecodingKey::from_secret(SECRET));
    assert_eq!(with_token(claim, &nested).await, ok("globex"));

    let signed = signed(
        &TokenHeader::new(Algorithm::EdDSA),
        &json!({"tenant": "acme"}),
    );
    let claim = Claim::named("tenant").key(
        Algorithm::EdDSA,
        DecodingKey::from_ed_pem(&public()).unwrap(),
    );
    assert_eq!(with_token(claim, &signed).await, ok("acme"));
}

#[tokio::test]
async fn without_a_bearer_token_the_claim_names_nobody() {
    for authorization in ["", "Basic YWNtZTphY21l", "Bearerx", "acme"] {
        let request = get("/").insert_header((header::AUTHORIZATION, authorization));
        assert_eq!(
            named(tenants().strategy(claim().build().unwrap()), request).await,
            refused(400, "tenant-missing"),
            "{authorization}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_not_valid_is_refused() {
    let acme = json!({"tenant": "acme"});
    let valid = token(&acme);
    let (head, signature) = valid.rsplit_once('.').unwrap();
    let part = |json: &Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string())
    };
    let none = format!(
        "{}.{}.",
        part(&json!({"alg": "none"})),
        part(&json!({"tenant": "acme", "exp": now() + 60}))
    );
    let forged = format!(
        "{}.{}.{signature}",
        head.split_once('.').unwrap().0,
        part(&json!({"tenant": "globex", "exp": now() + 60}))
    );
    let mut other_secret = TokenHeader::new(Algorithm::HS256);
    other_secret.kid = Some("other".to_owned());
    let by_other = encode(
        &other_secret,
        &json!({"tenant": "acme", "exp": now() + 60}),
        &EncodingKey::from_secret(b"another secret, of somebody else entirely"),
    )
    .unwrap();
    for (what, token) in [
        ("nothing", String::new()),
        ("blanks", "\t".to_owned()),
        ("no token", "abc".to_owned()),
        ("no signature", format!("{head}.")),
        ("no algorithm", none),
        ("another's claims", forged),
        ("another's key", by_other),
        (
            "another algorithm",
            signed(&TokenHeader::new(Algorithm::HS512), &acme),
        ),
        (
            "a key of another kind",
            signed(&TokenHeader::new(Algorithm::EdDSA), &acme),
        ),
        (
            "expired",
            token(&json!({"tenant": "acme", "exp": now() - 120})),
        ),
        (
            "never expires",
            token(&json!({"tenant": "acme", "exp": null})),
        ),
        (
            "not yet",
            token(&json!({"tenant": "acme", "nbf": now() + 120})),
        ),
        (
            "for somebody",
            token(&json!({"tenant": "acme", "aud": "others"})),
        ),
        ("a number", token(&json!({"tenant": 7}))),
    ] {
        let request = get("/").insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
        let answer = send(
            tenants().strategy(claim().build().unwrap()),
            super::who,
            request,
        )
        .await;
        assert_eq!(
            answer.problem(),
            (401, "unauthenticated".to_owned()),
            "{what}"
        );
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some("Bearer error=\"invalid_token\""));
    }
}

/// A public key is no secret: who signs with it must not be believed.
#[tokio::test]
async fn the_algorithm_is_the_keys_and_not_the_tokens() {
    let claim = || {
        Claim::named("tenant").key(
            Algorithm::EdDSA,
            DecodingKey::from_ed_pem(&public()).unwrap(),
        )
    };
    let confused = encode(
        &TokenHeader::new(Algorithm::HS256),
        &json!({"tenant": "acme", "exp": now() + 60}),
        &EncodingKey::from_secret(&public()),
    )
    .unwrap();
    assert_eq!(
        with_token(claim(), &confused).await,
        refused(401, "unauthenticated")
    );
}

#[tokio::test]
async fn keys_can_be_changed() {
    let secret = |text: &str| DecodingKey::from_secret(text.as_bytes());
    let keys = || {
        Claim::named("tenant")
            .key_with_id("old", Algorithm::HS256, secret("a secret that was"))
            .key_with_id("new", Algorithm::HS256, DecodingKey::from_secret(SECRET))
    };
    let of = |kid: Option<&str>| {
        let mut header = TokenHeader::new(Algorithm::HS256);
        header.kid = kid.map(str::to_owned);
        signed(&header, &json!({"tenant": "acme"}))
    };
    assert_eq!(with_token(keys(), &of(Some("new"))).await, ok("acme"));
    assert_eq!(with_token(keys(), &of(None)).await, ok("acme"));
    for kid in ["old", "unknown"] {
        assert_eq!(
            with_token(keys(), &of(Some(kid))).await,
            refused(401, "unauthenticated")
        );
    }
}

#[tokio::test]
async fn issuer_and_audience_are_checked() {
    let strict = || claim().issuer("https://login.example").audience("books");
    let with = |claims: Value| async move { with_token(strict(), &token(&claims)).await };
    let good = json!({"tenant": "acme", "iss": "https://login.example", "aud": ["x", "books"]});
    assert_eq!(with(good).await, ok("acme"));
    for claims in [
        json!({"tenant": "acme"}),
        json!({"tenant": "acme", "iss": "https://login.example"}),
        json!({"tenant": "acme", "aud": "books"}),
        json!({"tenant": "acme", "iss": "https://evil.example", "aud": "books"}),
        json!({"tenant": "acme", "iss": "https://login.example", "aud": "films"}),
    ] {
        assert_eq!(
            with(claims.clone()).await,
            refused(401, "unauthenticated"),
            "{claims}"
        );
    }
}

/// The next strategy may believe what anybody can write.
#[tokio::test]
async fn a_valid_token_without_the_claim_goes_no_further_unless_it_may() {
    let nobodys = || bearer(of("acme"), &token(&json!({"sub": "somebody"})));
    let chain = |claim: ClaimBuilder| {
        tenants()
            .strategy(claim.build().unwrap())
            .header_name("x-tenant-id")
    };
    assert_eq!(
        named(chain(claim()), nobodys()).await,
        refused(403, "forbidden")
    );
    assert_eq!(
        named(chain(claim().optional_claim()), nobodys()).await,
        ok("acme")
    );
}

#[tokio::test]
async fn two_authorizations_are_refused() {
    let request = bearer(get("/"), &token(&json!({"tenant": "acme"})))
        .append_header((header::AUTHORIZATION, "Bearer x"));
    assert_eq!(
        named(tenants().strategy(claim().build().unwrap()), request).await,
        refused(400, "tenant-ambiguous")
    );
}

#[tokio::test]
async fn a_token_of_one_tenant_on_the_subdomain_of_another_is_refused() {
    let tenants = || {
        tenants()
            .strategy(claim().build().unwrap())
            .strategy(Subdomain::of("books.example").unwrap())
            .require_agreement()
    };
    let request = |tenant: &str, host: &str| bearer(at(host), &token(&json!({"tenant": tenant})));
    assert_eq!(
        named(tenants(), request("acme", "acme.books.example")).await,
        ok("acme")
    );
    assert_eq!(
        named(tenants(), request("acme", "globex.books.example")).await,
        refused(403, "tenant-disagreement")
    );
    // Who finds no tenant has no say.
    assert_eq!(
        named(tenants(), request("acme", "books.example")).await,
        ok("acme")
    );
    assert_eq!(
        named(tenants(), at("globex.books.example")).await,
        ok("globex")
    );
    // A third one is asked, too, and what it finds invalid is refused.
    let tenants = tenants().header_name("x-tenant-id");
    let agreed = || request("acme", "acme.books.example");
    let third = agreed().insert_header(("x-tenant-id", "globex"));
    assert_eq!(
        named(tenants.clone(), third).await,
        refused(403, "tenant-disagreement")
    );
    let third = agreed().insert_header(("x-tenant-id", "?"));
    assert_eq!(
        named(tenants, third).await,
        refused(400, "invalid-tenant-id")
    );
}

/// For tests of other things: refuses every token.
pub fn claim_of_nobody() -> Claim {
    claim().build().unwrap()
}
