//! One row at a time, and all of them.

use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, EntityTrait as _,
    IntoActiveModel as _, ModelTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::inside::{exactly, inside_acme, only};
use crate::support::{
    World,
    entities::{author, book, genre},
    on_every_database,
};

on_every_database!(
    finds_its_own_rows_only,
    filters_and_orders_its_own_rows,
    finds_by_id_and_by_unique_column,
    inserts_into_its_own_table,
    updates_its_own_row,
    saves_as_insert_and_as_update,
    deletes_its_own_row,
    deletes_by_id,
    counts_its_own_rows,
    reads_shared_rows_unqualified,
    a_tenancys_connection_does_the_same,
);

async fn finds_its_own_rows_only(world: &World) {
    let sql = inside_acme(world, async |db| {
        let names: Vec<_> = author::Entity::find().all(db).await.unwrap();
        let names: Vec<_> = names.into_iter().map(|author| author.name).collect();
        assert_eq!(names, ["Verne", "Wells", "Lem"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"SELECT "author"."id", "author"."name", "author"."mentor_id" FROM {acme}."author""#,
        "SELECT `author`.`id`, `author`.`name`, `author`.`mentor_id` FROM {acme}.`author`",
        r#"SELECT "author"."id", "author"."name", "author"."mentor_id" FROM "main"."author""#,
    );
    assert_eq!(only(sql), expected);
}

async fn filters_and_orders_its_own_rows(world: &World) {
    inside_acme(world, async |db| {
        let found = book::Entity::find()
            .filter(book::Column::Id.gte(2))
            .filter(book::COLUMN.title.contains("in"))
            .order_by_desc(book::Column::Title)
            .limit(1)
            .all(db)
            .await
            .unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "Time Machine");
        let first = book::Entity::find().order_by_asc(book::Column::Title);
        assert_eq!(first.one(db).await.unwrap().unwrap().title, "Balloon");
    })
    .await;
}

async fn finds_by_id_and_by_unique_column(world: &World) {
    inside_acme(world, async |db| {
        let verne = author::Entity::find_by_id(1).one(db).await.unwrap();
        assert_eq!(verne.unwrap().name, "Verne");
        let wells = author::Entity::find_by_name("Wells").one(db).await.unwrap();
        assert_eq!(wells.unwrap().id, 2);
        let others = author::Entity::find_by_name("GLOBEX Wells").one(db);
        assert_eq!(others.await.unwrap(), None);
    })
    .await;
}

async fn inserts_into_its_own_table(world: &World) {
    let sql = inside_acme(world, async |db| {
        let poe = author::ActiveModel {
            name: Set("Poe".into()),
            ..Default::default()
        };
        let poe = poe.insert(db).await.unwrap();
        assert_eq!((poe.id, poe.name.as_str()), (4, "Poe"));
    })
    .await;
    let expected = exactly(
        world,
        r#"INSERT INTO {acme}."author" ("name") VALUES ($1) RETURNING "id", "name", "mentor_id""#,
        "INSERT INTO {acme}.`author` (`name`) VALUES (?)",
        r#"INSERT INTO "main"."author" ("name") VALUES (?) RETURNING "id", "name", "mentor_id""#,
    );
    assert_eq!(sql[0], expected);
    // Without `RETURNING` the row is read back.
    assert_eq!(sql.len(), exactly(world, "1", "12", "1").len());
}

async fn updates_its_own_row(world: &World) {
    let sql = inside_acme(world, async |db| {
        let verne = author::Entity::find_by_id(1).one(db).await.unwrap();
        let mut verne = verne.unwrap().into_active_model();
        verne.name = Set("Jules".into());
        assert_eq!(verne.update(db).await.unwrap().name, "Jules");
        let read = author::Entity::find_by_id(1).one(db).await.unwrap();
        assert_eq!(read.unwrap().name, "Jules");
    })
    .await;
    let expected = exactly(
        world,
        r#"UPDATE {acme}."author" SET "name" = $1 WHERE "author"."id" = $2 RETURNING "id", "name", "mentor_id""#,
        "UPDATE {acme}.`author` SET `name` = ? WHERE `author`.`id` = ?",
        r#"UPDATE "main"."author" SET "name" = ? WHERE "author"."id" = ? RETURNING "id", "name", "mentor_id""#,
    );
    assert_eq!(sql[1], expected);
}

async fn saves_as_insert_and_as_update(world: &World) {
    inside_acme(world, async |db| {
        let poe = author::ActiveModel {
            name: Set("Poe".into()),
            ..Default::default()
        };
        let mut poe = poe.save(db).await.unwrap();
        poe.mentor_id = Set(Some(2));
        poe.save(db).await.unwrap();
        let read = author::Entity::find_by_id(4).one(db).await.unwrap();
        assert_eq!(read.unwrap().mentor_id, Some(2));
        let nobody = author::ActiveModel {
            id: Set(99),
            name: Set("Nobody".into()),
            ..Default::default()
        };
        assert!(nobody.update(db).await.is_err());
    })
    .await;
}

async fn deletes_its_own_row(world: &World) {
    inside_acme(world, async |db| {
        let invisible = book::Entity::find_by_id(4).one(db).await.unwrap().unwrap();
        let deleted = invisible.clone().delete(db).await.unwrap();
        assert_eq!(deleted.rows_affected, 1);
        let again = invisible.into_active_model().delete(db).await.unwrap();
        assert_eq!(again.rows_affected, 0);
        assert_eq!(book::Entity::find().count(db).await.unwrap(), 3);
    })
    .await;
}

async fn deletes_by_id(world: &World) {
    let sql = inside_acme(world, async |db| {
        let deleted = book::Entity::delete_by_id(4).exec(db).await.unwrap();
        assert_eq!(deleted.rows_affected, 1);
    })
    .await;
    let expected = exactly(
        world,
        r#"DELETE FROM {acme}."book" WHERE "book"."id" = $1"#,
        "DELETE FROM {acme}.`book` WHERE `book`.`id` = ?",
        r#"DELETE FROM "main"."book" WHERE "book"."id" = ?"#,
    );
    assert_eq!(only(sql), expected);
}

async fn counts_its_own_rows(world: &World) {
    inside_acme(world, async |db| {
        assert_eq!(author::Entity::find().count(db).await.unwrap(), 3);
        let by_verne = book::Entity::find().filter(book::COLUMN.author_id.eq(1));
        assert_eq!(by_verne.count(db).await.unwrap(), 2);
    })
    .await;
}

async fn reads_shared_rows_unqualified(world: &World) {
    let sql = inside_acme(world, async |db| {
        let genres = genre::Entity::find().order_by_id_asc().all(db).await;
        let labels: Vec<_> = genres.unwrap().into_iter().map(|g| g.label).collect();
        assert_eq!(labels, ["Fiction", "Travel"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"SELECT "genre"."id", "genre"."label" FROM "genre" ORDER BY "genre"."id" ASC"#,
        "SELECT `genre`.`id`, `genre`.`label` FROM `genre` ORDER BY `genre`.`id` ASC",
        r#"SELECT "genre"."id", "genre"."label" FROM "genre" ORDER BY "genre"."id" ASC"#,
    );
    assert_eq!(only(sql), expected);
}

/// What an application holds is not recorded, and reaches the same rows.
async fn a_tenancys_connection_does_the_same(world: &World) {
    let acme = world.acme().await;
    inside_acme(world, async |db| {
        let poe = author::ActiveModel {
            name: Set("Poe".into()),
            ..Default::default()
        };
        let poe = poe.insert(&acme).await.unwrap();
        let found = author::Entity::find_by_id(poe.id).one(db).await.unwrap();
        assert_eq!(found, Some(poe.clone()));
        poe.delete(&acme).await.unwrap();
        assert_eq!(author::Entity::find().count(db).await.unwrap(), 3);
    })
    .await;
}
