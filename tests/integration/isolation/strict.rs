//! In a strict tenancy, what names no schema reaches no table.

use sea_orm::{ConnectionTrait as _, EntityTrait as _, PaginatorTrait as _, TransactionTrait as _};
use sea_orm_tenant::{Tenancy, TenantId};

use super::rows::{add, names};
use crate::support::{
    Server, World,
    entities::{author, book, genre, review},
    on_every_database,
};

on_every_database!(
    a_tenants_own_tables_are_there,
    what_names_no_schema_fails,
    shared_tables_are_had_from_the_shared_connection,
    strictness_survives_what_is_configured,
    tables_that_refer_to_shared_ones_are_made_where_that_can_be_said,
);

fn strict(world: &World) -> Tenancy {
    world.tenancy().strict(true).build().unwrap()
}

async fn a_tenants_own_tables_are_there(world: &World) {
    let tenancy = strict(world);
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    add(&acme, "Verne").await.unwrap();
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "Wells").await.unwrap();
    transaction.commit().await.unwrap();
    let made = tenancy.create_schema(&world.acme).await.unwrap();
    assert_eq!(names(&made).await.unwrap(), ["Verne", "Wells"]);
    assert_eq!(author::Entity::find().count(&acme).await.unwrap(), 2);
    tenancy.close().await;
}

/// The shared table, and those that are planted where an unqualified name leads without strictness.
async fn what_names_no_schema_fails(world: &World) {
    let tenancy = strict(world);
    for tenant in [&world.acme, &world.globex] {
        let db = tenancy.for_tenant(tenant).await.unwrap();
        genre::Entity::find().all(&db).await.unwrap_err();
        let transaction = db.begin().await.unwrap();
        genre::Entity::find().all(&transaction).await.unwrap_err();
        transaction.rollback().await.unwrap();
        let forgotten = "SELECT 1 FROM $tenant.author, genre";
        db.execute_unprepared(forgotten).await.unwrap_err();
        let raw = db.unscoped_raw();
        raw.execute_unprepared("SELECT 1 FROM genre")
            .await
            .unwrap_err();
    }
    tenancy.close().await;
}

async fn shared_tables_are_had_from_the_shared_connection(world: &World) {
    let tenancy = strict(world);
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let shared = tenancy.shared().await.unwrap();
    for _ in 0..3 {
        assert_eq!(genre::Entity::find().count(&shared).await.unwrap(), 2);
        assert!(names(&acme).await.unwrap().is_empty());
        genre::Entity::find().all(&acme).await.unwrap_err();
    }
    assert_eq!(tenancy.open_data_sources(), 2);
    tenancy.close().await;
}

async fn strictness_survives_what_is_configured(world: &World) {
    let builder = world.tenancy().strict(true);
    let tenancy = builder
        .configure(|options| {
            options.set_schema_search_path("public");
        })
        .build()
        .unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    genre::Entity::find().all(&acme).await.unwrap_err();
    tenancy.close().await;
}

/// A strict connection to MySQL has no default database for the shared table to be in.
async fn tables_that_refer_to_shared_ones_are_made_where_that_can_be_said(world: &World) {
    if world.server != Server::MySql {
        return;
    }
    let tenancy = strict(world);
    let id = TenantId::try_from(world.acme.as_str().replace("acme", "initech")).unwrap();
    world.store.add(id.clone(), &world.database).unwrap();
    let db = tenancy.create_schema(&id).await.unwrap();
    let tables = db.get_schema_builder().register(author::Entity);
    let tables = tables.register(book::Entity).register(review::Entity);
    let refused = tables.apply(&db).await.unwrap_err().to_string();
    assert!(refused.contains("`schema_name`"), "{refused}");
    // Before anything is made.
    author::Entity::find().all(&db).await.unwrap_err();
    tenancy.close().await;
}
