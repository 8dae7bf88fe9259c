//! SeaORM's schema sync, which compares what a tenant has with what the entities say.

use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_tenant::TenantSchemaBuilder;

use super::{
    catalogue::{columns, foreign_keys, indexes},
    inside::rows_outside,
    schema::newcomer,
};
use crate::isolation::rows::add;
use crate::support::{
    Server, World,
    entities::{author, book, book_tag, review, tag},
    on_every_database,
};

on_every_database!(
    a_second_sync_changes_nothing,
    a_missing_column_is_added_to_one_tenant_only,
    makes_what_is_missing_although_others_have_it,
    the_catalogues_connection_takes_raw_sql_that_names_the_tenant_only,
);

fn entities(world: &World) -> TenantSchemaBuilder {
    TenantSchemaBuilder::new(world.server.backend())
        .register(book_tag::Entity)
        .register(book::Entity)
        .register(tag::Entity)
        .register(author::Entity)
}

/// Whether sync ran; where it cannot, it must say so.
fn ran(world: &World, outcome: Result<(), DbErr>) -> bool {
    if world.server == Server::Postgres {
        outcome.unwrap();
        return true;
    }
    let refused = outcome.unwrap_err();
    assert!(matches!(refused, DbErr::BackendNotSupported { .. }));
    false
}

/// What `acme` has, as far as sync looks.
async fn everything(world: &World) -> [Vec<String>; 4] {
    let acme = &world.acme;
    [
        columns(world, acme).await,
        foreign_keys(world, acme).await,
        indexes(world, acme, true).await,
        indexes(world, acme, false).await,
    ]
}

async fn a_second_sync_changes_nothing(world: &World) {
    let (acme, recording) = world.recorded(&world.acme, 1).await;
    let before = everything(world).await;
    // The first one meets what `apply` made.
    for _ in 0..3 {
        if !ran(world, entities(world).sync(&acme).await) {
            return;
        }
        let changes: Vec<_> = recording
            .take()
            .into_iter()
            .filter(|sql| !sql.starts_with("SELECT") && !sql.contains("IF NOT EXISTS"))
            .collect();
        assert!(changes.is_empty(), "{changes:#?}");
        assert_eq!(everything(world).await, before);
    }
}

async fn a_missing_column_is_added_to_one_tenant_only(world: &World) {
    let acme = world.acme().await;
    let globex = world.globex().await;
    if world.server != Server::Postgres {
        ran(world, entities(world).sync(&acme).await);
        return;
    }
    let all = columns(world, &world.acme).await;
    for db in [&acme, &globex] {
        db.execute_unprepared("ALTER TABLE $tenant.author DROP COLUMN mentor_id")
            .await
            .unwrap();
    }
    let without = columns(world, &world.globex).await;
    assert_eq!(without.len() + 1, all.len());
    let keys = foreign_keys(world, &world.acme).await;
    entities(world).sync(&acme).await.unwrap();
    assert_eq!(columns(world, &world.acme).await, all);
    // The column's foreign key is back too.
    assert_eq!(foreign_keys(world, &world.acme).await.len(), keys.len() + 1);
    assert_eq!(columns(world, &world.globex).await, without);
}

async fn makes_what_is_missing_although_others_have_it(world: &World) {
    let newcomer = newcomer(world).await;
    let before = rows_outside(world).await;
    let db = world.tenancy.for_tenant(&newcomer).await.unwrap();
    if !ran(world, entities(world).sync(&db).await) {
        return;
    }
    let expected: Vec<_> = columns(world, &world.acme).await;
    let expected = expected
        .into_iter()
        .filter(|column| !column.starts_with("review."));
    assert_eq!(
        columns(world, &newcomer).await,
        expected.collect::<Vec<_>>()
    );
    let acme = world.quoted_schema(&world.acme);
    for key in foreign_keys(world, &newcomer).await {
        let same = key.replace(db.schema().as_str(), acme.trim_matches('"'));
        assert!(
            foreign_keys(world, &world.acme).await.contains(&same),
            "{key}"
        );
    }
    for unique in [true, false] {
        let expected = indexes(world, &world.acme, unique).await;
        assert_eq!(indexes(world, &newcomer, unique).await, expected);
    }
    entities(world).sync(&db).await.unwrap();
    assert_eq!(rows_outside(world).await, before);
}

/// SeaORM would create the type again. Said before anything is done.
#[tokio::test]
async fn native_enums_are_refused() {
    World::run(Server::Postgres, async |world| {
        let acme = world.acme().await;
        let builder = entities(world).register(review::Entity);
        let refused = builder.sync(&acme).await.unwrap_err().to_string();
        assert!(
            refused.contains("schema sync of native enum types"),
            "{refused}"
        );
    })
    .await;
}

async fn the_catalogues_connection_takes_raw_sql_that_names_the_tenant_only(world: &World) {
    let acme = world.acme().await;
    for sql in ["SELECT name FROM author", "SELECT 1", "DELETE FROM author"] {
        let refused = sea_schema::Connection::query_all_raw(&acme, sql.to_owned()).await;
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("does not name `$tenant`"), "{refused}");
    }
    add(&acme, "Verne").await.unwrap();
    let own = "SELECT name FROM $tenant.author".to_owned();
    let rows = sea_schema::Connection::query_all_raw(&acme, own).await;
    assert_eq!(rows.unwrap().len(), 1);
}
