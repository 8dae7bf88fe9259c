//! Tenants that are not served, and that nobody is told of.

use std::sync::Arc;

use actix_web::http::header::HeaderName;
use sea_orm_tenant::{
    ConnectionInfo, TenantError, TenantId, TenantInfo, TenantStore, actix::TenantMiddleware,
};

use super::{
    Answer, get, matrix::without_service, named, of, ok, refused, send, tenancy, tenancy_of, who,
};

/// As a `VersionGate` is, when all tenants are behind.
struct Behind;

#[async_trait::async_trait]
impl TenantStore for Behind {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        Err(migrating(id))
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        Err(migrating(id))
    }
}

fn migrating(tenant: &TenantId) -> TenantError {
    TenantError::Migrating {
        tenant: tenant.clone(),
        migration: "m4_due".into(),
    }
}

fn behind() -> TenantMiddleware {
    TenantMiddleware::new(tenancy_of(Behind))
}

fn hiding() -> TenantMiddleware {
    TenantMiddleware::new(tenancy()).hide_existence(true)
}

#[tokio::test]
async fn a_tenant_that_is_being_migrated_is_unavailable() {
    let answer = send(behind(), who, of("acme")).await;
    assert_eq!(answer.problem(), (503, "tenant-migrating".into()));
    assert_eq!(answer.header("retry-after"), Some("10"));
}

#[tokio::test]
async fn hidden_tenants_look_like_none() {
    let unknown = send(hiding(), who, of("umbrella")).await;
    let mut hidden = vec![send(behind().hide_existence(true), who, of("acme")).await];
    for tenant in [
        "suspended",
        "maintenance",
        "pending",
        "provisioning",
        "archived",
    ] {
        hidden.push(send(hiding(), who, of(tenant)).await);
    }
    for answer in hidden {
        assert_eq!(answer.problem(), (404, "unknown-tenant".into()));
        assert_eq!(answer.body, unknown.body);
        let names = |answer: &Answer| {
            let mut names: Vec<HeaderName> = answer.headers.keys().cloned().collect();
            names.sort_by(|one, other| one.as_str().cmp(other.as_str()));
            names
        };
        assert_eq!(names(&answer), names(&unknown));
    }
}

/// What tells nothing about a tenant is told, and so is an outage.
#[tokio::test]
async fn what_is_not_the_tenants_is_not_hidden() {
    assert_eq!(named(hiding(), of("acme")).await, ok("acme"));
    assert_eq!(
        named(hiding(), get("/")).await,
        refused(400, "tenant-missing")
    );
    assert_eq!(
        named(without_service().hide_existence(true), of("acme")).await,
        refused(503, "store-unavailable")
    );
}
