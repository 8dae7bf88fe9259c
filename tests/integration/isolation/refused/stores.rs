//! Stores that fail, or say what makes no sense.

use std::{io, sync::Arc};

use sea_orm_tenant::{
    ConnectionInfo, DatabaseUrl, MemoryStore, SchemaName, Tenancy, TenantContext, TenantError,
    TenantId, TenantInfo, TenantStore,
};

const ACME: TenantId = TenantId::from_static("acme");
const GLOBEX: TenantId = TenantId::from_static("globex");

/// A store behind a network that is down.
struct Down {
    /// Whether it still knows the tenants, and only their places are lost.
    knows_tenants: bool,
}

#[async_trait::async_trait]
impl TenantStore for Down {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        if self.knows_tenants {
            return Ok(Arc::new(TenantInfo::active(id.clone())));
        }
        Err(TenantError::store_unavailable(io::Error::other(
            "no route to host",
        )))
    }

    async fn connection(&self, _: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        Err(TenantError::store_unavailable(io::Error::other(
            "no route to host",
        )))
    }
}

#[tokio::test]
async fn an_outage_of_the_store_is_not_an_unknown_tenant() {
    for knows_tenants in [false, true] {
        let store = Down { knows_tenants };
        let tenancy = Tenancy::builder().store(store).build().unwrap();
        let errors = [
            tenancy.for_tenant(&ACME).await.err(),
            tenancy.for_tenant_in_any_status(&ACME).await.err(),
            tenancy.create_schema(&ACME).await.err(),
            tenancy.dedicated_connection(&ACME).await.err(),
            TenantContext::scope(ACME, tenancy.current()).await.err(),
        ];
        for error in errors {
            let error = error.expect("an error");
            assert!(matches!(error, TenantError::StoreUnavailable { .. }));
            let text = "the tenant store is unavailable: no route to host";
            assert_eq!(error.to_string(), text);
            let source = std::error::Error::source(&error).expect("a cause");
            assert!(source.to_string().contains("no route to host"));
        }
    }
}

#[test]
fn two_tenants_cannot_be_placed_in_one_schema() {
    // However the same database is spelled.
    let spellings = [
        ("postgres://a:x@db/app", "postgres://a:x@db/app"),
        ("postgres://a:x@db/app", "postgres://b:y@db/app"),
        ("postgres://a@db/app", "postgresql://a@db/app"),
        ("postgres://a@db/app", "postgres://a@db:5432/app"),
        ("postgres://a@db/app", "postgres://a@DB/app"),
        ("postgres://a@db/app", "postgres://a@db/app?sslmode=disable"),
        ("mysql://a@db/app", "mysql://b@db:3306/app"),
        ("mysql://a@db/app", "mysql://a@Db/app"),
        ("mysql://a@db/app", "mysql://a@db/other"),
        ("sqlite:///srv/app", "sqlite:/srv/app"),
        ("sqlite:///srv/app", "sqlite:///srv/app/"),
        ("sqlite:///srv/app", "sqlite:///srv/app?mode=rw"),
        ("sqlite:///srv/app", "sqlite:///srv/%61pp"),
    ];
    for (one, other) in spellings {
        let store = MemoryStore::new();
        let place = |url: &str| {
            let schema: SchemaName = "books".parse().unwrap();
            ConnectionInfo::shared_in(&DatabaseUrl::new(url).unwrap(), schema)
        };
        store.insert(TenantInfo::active(ACME), place(one)).unwrap();
        let error = store.insert(TenantInfo::active(GLOBEX), place(other));
        let Err(TenantError::EntryRefused { tenant, reason }) = error else {
            panic!("{one} and {other}: {error:?}");
        };
        assert_eq!(tenant, GLOBEX);
        assert!(reason.contains("is that of tenant acme in the same database; place it"));
        assert_eq!(store.ids(), [ACME], "{one} and {other}");
        // The tenant itself may be written down again, and elsewhere both are welcome.
        store.insert(TenantInfo::active(ACME), place(one)).unwrap();
        let elsewhere = place("postgres://a@elsewhere/app");
        store.insert(TenantInfo::active(GLOBEX), elsewhere).unwrap();
    }
}

#[test]
fn a_dedicated_database_is_dedicated_to_one() {
    for url in [
        "postgres://a@db/acme",
        "mysql://a@db/acme",
        "sqlite:///srv/acme.sqlite",
    ] {
        let store = MemoryStore::new();
        let place = || ConnectionInfo::dedicated(&DatabaseUrl::new(url).unwrap()).unwrap();
        store.insert(TenantInfo::active(ACME), place()).unwrap();
        let error = store.insert(TenantInfo::active(GLOBEX), place());
        assert!(
            matches!(error, Err(TenantError::EntryRefused { .. })),
            "{url}"
        );
    }
}

#[test]
fn mistakes_in_a_tenant_file_are_named_with_their_place() {
    let mistakes = [
        ("{", "line 1 column 1"),
        ("{\n \"tenants\": [{\"id\": \"Acme\"}]}", "line 2 column 27"),
        (
            "{\"tenants\": [{\"id\": \"acme\",\n \"status\": \"asleep\"}]}",
            "line 2 column 19",
        ),
        (
            "{\"tenants\": [{\"id\": \"acme\",\n \"stauts\": \"active\"}]}",
            "line 2 column 9",
        ),
        (
            "{\"tenants\": [{\"id\": \"acme\", \"connection\": {\n \"schema\": \"pg_x\"}}]}",
            "line 2 column 18",
        ),
    ];
    for (json, place) in mistakes {
        let Err(TenantError::Configuration(text)) = MemoryStore::from_json(json) else {
            panic!("{json}");
        };
        assert!(text.starts_with("the tenant file: "), "{text}");
        assert!(text.contains(place), "{text}, not at {place}");
    }
}

#[test]
fn contradictions_in_a_tenant_file_are_named_with_their_tenant() {
    let contradictions = [
        r#"{"id": "acme"}"#,
        r#"{"id": "acme", "connection": {"placement": "dedicated"}}"#,
        r#"{"id": "acme", "connection": {"placement": "dedicated", "schema": "x", "url": "mysql://db/x"}}"#,
        r#"{"id": "first", "connection": {"url": "mysql://db/x"}}, {"id": "acme", "connection": {"url": "mysql://db/x", "schema": "tenant_first"}}"#,
        r#"{"id": "acme", "connection": {"url": "mysql://db/x"}}, {"id": "acme", "connection": {"url": "mysql://db/x"}}"#,
    ];
    for tenants in contradictions {
        let error = MemoryStore::from_json(&format!("{{\"tenants\": [{tenants}]}}"));
        let Err(TenantError::InvalidStoreEntry { tenant, .. }) = error else {
            panic!("{tenants}: {error:?}");
        };
        assert_eq!(tenant, ACME);
    }
    let missing = MemoryStore::from_file("/no/such/tenants.json").unwrap_err();
    assert!(missing.to_string().contains("/no/such/tenants.json"));
}
