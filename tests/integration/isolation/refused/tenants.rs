//! No tenant, or one that is not served.

use std::sync::Arc;

use sea_orm_tenant::{
    ConnectionInfo, DatabaseUrl, MemoryStore, Tenancy, TenantContext, TenantError, TenantId,
    TenantInfo, TenantStatus, TenantStore,
};

use super::super::rows::{add, names};
use crate::support::{World, on_every_database};

const ACME: TenantId = TenantId::from_static("acme");

on_every_database!(
    no_connection_without_a_tenant,
    whoever_sets_a_tenant_up_may_reach_it_in_any_status,
    a_tenant_that_is_suspended_gets_no_new_connection,
);

async fn no_connection_without_a_tenant(world: &World) {
    let outside = world.tenancy.current().await;
    assert!(matches!(outside, Err(TenantError::NoTenant)));
    TenantContext::scope(world.acme.clone(), async {
        let inside = world.tenancy.current().await.unwrap();
        assert_eq!(inside.tenant(), &world.acme);
        let without = TenantContext::without(world.tenancy.current()).await;
        assert!(matches!(without, Err(TenantError::NoTenant)));
        let tenancy = world.tenancy.clone();
        let spawned = tokio::spawn(async move { tenancy.current().await });
        assert!(matches!(spawned.await.unwrap(), Err(TenantError::NoTenant)));
    })
    .await;
}

async fn whoever_sets_a_tenant_up_may_reach_it_in_any_status(world: &World) {
    for status in [
        TenantStatus::Pending,
        TenantStatus::Provisioning,
        TenantStatus::Suspended,
        TenantStatus::Maintenance,
        TenantStatus::Archived,
        TenantStatus::Active,
    ] {
        world.store.set_status(&world.acme, status).unwrap();
        let tenancy = &world.tenancy;
        let db = tenancy.for_tenant_in_any_status(&world.acme).await.unwrap();
        add(&db, status.as_str()).await.unwrap();
        assert_eq!(tenancy.tenant(&world.acme).await.unwrap().status, status);
    }
    assert_eq!(names(&world.acme().await).await.unwrap().len(), 6);
}

async fn a_tenant_that_is_suspended_gets_no_new_connection(world: &World) {
    let before = world.acme().await;
    let suspended = TenantStatus::Suspended;
    world.store.set_status(&world.acme, suspended).unwrap();
    let after = world.tenancy.for_tenant(&world.acme).await;
    assert!(matches!(after, Err(TenantError::Suspended { .. })));
    // Documented by the signature: a connection is asked for once, and then it is there.
    assert!(names(&before).await.unwrap().is_empty());
}

/// Nothing answers here: whoever connects gets another error than the one that is expected.
fn unreachable() -> DatabaseUrl {
    DatabaseUrl::new("postgres://app@127.0.0.1:1/app").unwrap()
}

fn tenancy_of(status: TenantStatus) -> Tenancy {
    let store = MemoryStore::new();
    let connection = ConnectionInfo::shared(&unreachable(), &ACME);
    let info = TenantInfo::active(ACME).with_status(status);
    store.insert(info, connection).unwrap();
    Tenancy::builder().store(store).build().unwrap()
}

#[tokio::test]
async fn every_status_has_an_error_of_its_own() {
    use TenantStatus::{Archived, Maintenance, Pending, Provisioning, Suspended};
    let answers = [
        (Pending, "tenant acme is not ready yet: it is pending"),
        (
            Provisioning,
            "tenant acme is not ready yet: it is provisioning",
        ),
        (Suspended, "tenant acme is suspended"),
        (
            Maintenance,
            "tenant acme is in maintenance; try again later",
        ),
        (Archived, "tenant acme is archived"),
    ];
    for (status, text) in answers {
        let error = tenancy_of(status).for_tenant(&ACME).await.unwrap_err();
        assert_eq!(error.to_string(), text);
        let variant = match &error {
            TenantError::NotReady { tenant, status } => (tenant, *status),
            TenantError::Suspended { tenant } => (tenant, Suspended),
            TenantError::InMaintenance { tenant } => (tenant, Maintenance),
            TenantError::Archived { tenant } => (tenant, Archived),
            other => panic!("{other:?}"),
        };
        assert_eq!(variant, (&ACME, status));
    }
}

#[tokio::test]
async fn a_tenant_that_is_not_served_is_not_connected_to() {
    let tenancy = tenancy_of(TenantStatus::Suspended);
    tenancy.for_tenant(&ACME).await.unwrap_err();
    assert_eq!(tenancy.open_data_sources(), 0);
    let tenancy = tenancy_of(TenantStatus::Active);
    let error = tenancy.for_tenant(&ACME).await.unwrap_err();
    assert!(matches!(error, TenantError::DataSourceUnavailable { .. }));
}

#[tokio::test]
async fn an_unknown_tenant_is_unknown_everywhere() {
    let tenancy = tenancy_of(TenantStatus::Active);
    let nobody = TenantId::from_static("nobody");
    let errors = [
        tenancy.for_tenant(&nobody).await.err(),
        tenancy.for_tenant_in_any_status(&nobody).await.err(),
        tenancy.create_schema(&nobody).await.err(),
        tenancy.dedicated_connection(&nobody).await.err(),
        tenancy.tenant(&nobody).await.err(),
        TenantContext::scope(nobody.clone(), tenancy.current())
            .await
            .err(),
    ];
    for error in errors {
        let error = error.expect("an error");
        assert!(
            matches!(&error, TenantError::UnknownTenant { tenant } if *tenant == nobody),
            "{error:?}"
        );
        assert_eq!(error.to_string(), "tenant nobody is unknown");
    }
}

/// A store, or a cache, that mixes its entries up.
struct MixedUp(MemoryStore);

#[async_trait::async_trait]
impl TenantStore for MixedUp {
    async fn tenant(&self, _: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.0.tenant(&ACME).await
    }

    async fn connection(&self, _: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.0.connection(&ACME).await
    }
}

#[tokio::test]
async fn an_answer_about_another_tenant_is_refused() {
    let store = MemoryStore::new();
    store.add(ACME, &unreachable()).unwrap();
    let tenancy = Tenancy::builder().store(MixedUp(store)).build().unwrap();
    let globex = TenantId::from_static("globex");
    let error = tenancy.for_tenant(&globex).await.unwrap_err();
    assert!(matches!(error, TenantError::InvalidStoreEntry { tenant, .. } if tenant == globex));
}
