//! Definitions that people build with sea-query, on `Entity.table_ref()`.

use sea_orm::{
    ConnectionTrait as _, DbErr, EntityName as _, EntityTrait as _, PaginatorTrait as _,
    TransactionTrait as _,
    sea_query::{Alias, ColumnDef, Index, IntoTableRef as _, Table},
};

use super::{
    catalogue::{columns, indexes, tables},
    inside::{exactly, inside_acme, only, rows_outside},
};
use crate::support::{
    Server, World,
    entities::{genre, review, tag},
    on_every_database,
};

on_every_database!(
    alters_its_own_table,
    drops_its_own_table,
    truncates_its_own_table,
    renames_its_own_table,
    creates_a_table,
    creates_an_index,
    refuses_a_change_that_names_no_tenant,
);

async fn alters_its_own_table(world: &World) {
    let sql = inside_acme(world, async |db| {
        let add = Table::alter()
            .table(tag::Entity.table_ref())
            .add_column(ColumnDef::new(Alias::new("colour")).integer().null())
            .take();
        db.execute(&add).await.unwrap();
    })
    .await;
    let expected = exactly(
        world,
        r#"ALTER TABLE {acme}."tag" ADD COLUMN "colour" integer NULL"#,
        "ALTER TABLE {acme}.`tag` ADD COLUMN `colour` int NULL",
        r#"ALTER TABLE "main"."tag" ADD COLUMN "colour" integer NULL"#,
    );
    assert_eq!(only(sql), expected);
    let colour = "tag.colour".to_owned();
    assert!(columns(world, &world.acme).await.contains(&colour));
    assert!(!columns(world, &world.globex).await.contains(&colour));
}

async fn drops_its_own_table(world: &World) {
    let sql = inside_acme(world, async |db| {
        let drop = Table::drop().table(review::Entity.table_ref()).take();
        db.execute(&drop).await.unwrap();
        review::Entity::find().all(db).await.unwrap_err();
    })
    .await;
    let expected = exactly(
        world,
        r#"DROP TABLE {acme}."review""#,
        "DROP TABLE {acme}.`review`",
        r#"DROP TABLE "main"."review""#,
    );
    assert_eq!(sql[0], expected);
    let review = "review".to_owned();
    assert!(!tables(world, &world.acme).await.contains(&review));
    assert!(tables(world, &world.globex).await.contains(&review));
}

async fn truncates_its_own_table(world: &World) {
    inside_acme(world, async |db| {
        let truncate = Table::truncate().table(review::Entity.table_ref()).take();
        // SQLite has none, and sea-query panics about it.
        if world.server != Server::Sqlite {
            db.execute(&truncate).await.unwrap();
        }
        let left = review::Entity::find().count(db).await.unwrap();
        assert_eq!(left, if world.server == Server::Sqlite { 3 } else { 0 });
    })
    .await;
}

async fn renames_its_own_table(world: &World) {
    // PostgreSQL takes no schema for the new name, and SQLite neither.
    let new = match world.server {
        Server::MySql => (Alias::new("$tenant"), Alias::new("opinion")).into_table_ref(),
        _ => Alias::new("opinion").into_table_ref(),
    };
    inside_acme(world, async |db| {
        let rename = Table::rename()
            .table(review::Entity.table_ref(), new)
            .take();
        db.execute(&rename).await.unwrap();
    })
    .await;
    let opinion = "opinion".to_owned();
    assert!(tables(world, &world.acme).await.contains(&opinion));
    assert!(!tables(world, &world.globex).await.contains(&opinion));
}

async fn creates_a_table(world: &World) {
    inside_acme(world, async |db| {
        let create = Table::create()
            .table((Alias::new("$tenant"), Alias::new("note")))
            .col(ColumnDef::new(Alias::new("id")).integer().primary_key())
            .take();
        db.execute(&create).await.unwrap();
    })
    .await;
    assert!(
        tables(world, &world.acme)
            .await
            .contains(&"note".to_owned())
    );
    assert!(
        !tables(world, &world.globex)
            .await
            .contains(&"note".to_owned())
    );
}

async fn creates_an_index(world: &World) {
    // Elsewhere sea-query panics on an index whose table has a schema; `TenantSchemaBuilder` knows
    // other ways.
    if world.server != Server::Postgres {
        return;
    }
    let create = Index::create()
        .name("by_text")
        .table(review::Entity.table_ref())
        .col(review::Column::Text)
        .take();
    let acme = world.acme().await;
    acme.execute(&create).await.unwrap();
    let index = "review(text)".to_owned();
    assert!(indexes(world, &world.acme, false).await.contains(&index));
    assert!(!indexes(world, &world.globex, false).await.contains(&index));
}

/// A bare `Entity` renders no schema: the change would hit what all tenants see.
async fn refuses_a_change_that_names_no_tenant(world: &World) {
    let before = rows_outside(world).await;
    let acme = world.acme().await;
    let refused = |outcome: Result<_, DbErr>| {
        let text = outcome.map(drop).unwrap_err().to_string();
        assert!(text.contains("$tenant"), "{text}");
    };
    refused(
        acme.execute(&Table::drop().table(review::Entity).take())
            .await,
    );
    refused(
        acme.execute(&Table::drop().table(genre::Entity.table_ref()).take())
            .await,
    );
    let add = Table::alter()
        .table(tag::Entity)
        .add_column(ColumnDef::new(Alias::new("colour")).integer().null())
        .take();
    refused(acme.execute(&add).await);
    let index = Index::create()
        .name("by_text")
        .table(review::Entity)
        .col(review::Column::Id)
        .take();
    // One table of two: the other one would be what all share.
    let both = Table::drop()
        .table(review::Entity.table_ref())
        .table(genre::Entity)
        .take();
    refused(acme.execute(&both).await);
    if world.server == Server::MySql {
        let away = Table::rename()
            .table(tag::Entity.table_ref(), Alias::new("label"))
            .take();
        refused(acme.execute(&away).await);
    }
    refused(acme.execute(&index).await);
    let transaction = acme.begin().await.unwrap();
    refused(transaction.execute(&add).await);
    transaction.rollback().await.unwrap();
    assert_eq!(rows_outside(world).await, before);
}
