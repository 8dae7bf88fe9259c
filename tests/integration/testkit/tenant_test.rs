use std::sync::Arc;

use sea_orm::{ActiveValue::Set, ConnectionTrait as _, EntityTrait as _};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::{MemoryStore, Tenancy, TenantConnection, TenantError, TenantId};
use tenant_testkit::{TestParameter, TestTenants, TestkitError, tenant_test};

use crate::support::entities::tag;

struct Tags;

impl MigratorTrait for Tags {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(MakeTags)]
    }
}

#[derive(DeriveMigrationName)]
struct MakeTags;

#[async_trait::async_trait]
impl MigrationTrait for MakeTags {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tag = Table::create()
            .table("tag")
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(ColumnDef::new("word").string().not_null())
            .to_owned();
        manager.create_table(tag).await
    }
}

struct Genres;

impl MigratorTrait for Genres {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(MakeGenres)]
    }
}

#[derive(DeriveMigrationName)]
struct MakeGenres;

#[async_trait::async_trait]
impl MigrationTrait for MakeGenres {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let genre = Table::create()
            .table("genre")
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .to_owned();
        manager.create_table(genre).await
    }
}

fn tag(word: &str) -> tag::ActiveModel {
    tag::ActiveModel {
        id: Set(1),
        word: Set(word.to_owned()),
    }
}

#[tenant_test(database = [postgres, mariadb, sqlite], migrations = Tags)]
async fn each_tenant_has_its_own_tables(acme: TenantConnection, globex: TenantConnection) {
    assert_eq!(acme.tenant().as_str(), "acme");
    assert_eq!(globex.tenant().as_str(), "globex");
    tag::Entity::insert(tag("theirs"))
        .exec_without_returning(&acme)
        .await
        .unwrap();
    assert_eq!(tag::Entity::find().all(&globex).await.unwrap().len(), 0);
    assert_eq!(tag::Entity::find().all(&acme).await.unwrap().len(), 1);
}

#[tenant_test(database = [postgres, mariadb, sqlite], shared_migrations = Genres)]
async fn shared_tables_are_there_before_tenants(tenancy: Tenancy, acme: TenantConnection) {
    let count = "SELECT count(*) FROM genre";
    let shared = tenancy.shared().await.unwrap();
    shared.execute_unprepared(count).await.unwrap();
    // Without migrations of its own, a tenant's schema is empty.
    assert!(tag::Entity::find().all(&acme).await.is_err());
}

#[tenant_test(database = sqlite)]
async fn parameters_are_of_one_world(
    store: Arc<MemoryStore>,
    acme: TenantId,
    _globex: TenantId,
    tenants: Arc<TestTenants>,
    tenancy: Tenancy,
) -> Result<(), TestkitError> {
    assert_eq!(store.ids().len(), 2);
    assert_eq!(tenancy.for_tenant(&acme).await?.tenant(), &acme);
    tenants
        .provision(&"initech".parse().map_err(TenantError::from)?)
        .await?;
    assert_eq!(store.ids().len(), 3);
    Ok(())
}

/// What an application's own tests begin with.
struct Tagged(TenantConnection);

impl TestParameter for Tagged {
    async fn make(tenants: &Arc<TestTenants>, name: &str) -> Result<Self, TestkitError> {
        let db = TenantConnection::make(tenants, name).await?;
        tag::Entity::insert(tag(name))
            .exec_without_returning(&db)
            .await
            .unwrap();
        Ok(Self(db))
    }
}

#[tenant_test(database = sqlite, migrations = Tags)]
async fn a_type_of_our_own_is_a_parameter(acme: Tagged) {
    let tags = tag::Entity::find().all(&acme.0).await.unwrap();
    assert_eq!(tags[0].word, "acme");
}

#[tenant_test(database = sqlite)]
#[should_panic = "no such table"]
async fn a_test_that_panics_fails(acme: TenantConnection) {
    tag::Entity::find().all(&acme).await.unwrap();
}

#[tenant_test(database = sqlite)]
#[should_panic = "tenant id \"Acme\" is invalid"]
#[allow(non_snake_case)]
async fn a_parameter_that_is_no_tenant_says_so(Acme: TenantConnection) {
    drop(Acme);
}

#[tenant_test(database = sqlite)]
async fn what_is_not_send_can_be_spawned() {
    let local = std::rc::Rc::new(1);
    let spawned = tokio::task::spawn_local(async move { *local });
    assert_eq!(spawned.await.unwrap(), 1);
}

mod strange {
    //! Names that the expansion could mean, and must not.
    #![allow(dead_code, non_camel_case_types)]

    struct Arc;
    struct Result;
    struct Option;
    mod core {}
    mod std {}
    mod tenant_core {}

    #[super::tenant_test(database = sqlite)]
    async fn hygiene(database: super::TenantId, tenants: super::TenantId) {
        assert_eq!(
            (database.as_str(), tenants.as_str()),
            ("database", "tenants")
        );
    }
}
