//! Many rows in one insert, and what happens to those that are there already.

use sea_orm::{
    ActiveValue::Set, DbErr, EntityTrait as _, QueryFilter as _, TryInsertResult,
    sea_query::OnConflict,
};

use super::inside::{exactly, inside_acme};
use crate::support::{
    Server, World,
    entities::{author, book_tag},
    on_every_database,
};

on_every_database!(
    inserts_many_rows,
    inserts_many_rows_and_returns_them,
    does_nothing_about_rows_that_it_has,
    says_when_every_row_was_there,
    updates_the_rows_that_it_has,
    upserts_and_returns_the_row,
    inserts_links_with_a_composite_key,
);

fn author(id: i32, name: &str) -> author::ActiveModel {
    author::ActiveModel {
        id: Set(id),
        name: Set(name.into()),
        mentor_id: Set(None),
    }
}

async fn inserts_many_rows(world: &World) {
    let sql = inside_acme(world, async |db| {
        let inserted = author::Entity::insert_many([author(10, "Poe"), author(11, "Shelley")])
            .exec(db)
            .await
            .unwrap();
        assert!(inserted.last_insert_id.is_some());
        let found = author::Entity::find().filter(author::COLUMN.id.gte(10));
        assert_eq!(found.all(db).await.unwrap().len(), 2);
    })
    .await;
    let expected = exactly(
        world,
        r#"INSERT INTO {acme}."author" ("id", "name", "mentor_id") VALUES ($1, $2, $3), ($4, $5, $6) RETURNING "id""#,
        "INSERT INTO {acme}.`author` (`id`, `name`, `mentor_id`) VALUES (?, ?, ?), (?, ?, ?)",
        r#"INSERT INTO "main"."author" ("id", "name", "mentor_id") VALUES (?, ?, ?), (?, ?, ?) RETURNING "id""#,
    );
    assert_eq!(sql[0], expected);
}

async fn inserts_many_rows_and_returns_them(world: &World) {
    let sql = inside_acme(world, async |db| {
        // One that runs, so that there is something to look at on MySQL too.
        let poe = author::Entity::insert(author(9, "Poe"));
        assert_eq!(poe.exec_with_returning(db).await.unwrap().name, "Poe");
        let two = [author(10, "Capek"), author(11, "Shelley")];
        let returned = author::Entity::insert_many(two).exec_with_returning(db);
        let returned = returned.await;
        if world.server == Server::MySql {
            let refused = returned.unwrap_err();
            assert!(matches!(refused, DbErr::BackendNotSupported { .. }));
            return;
        }
        let names: Vec<_> = returned.unwrap().into_iter().map(|a| a.name).collect();
        assert_eq!(names, ["Capek", "Shelley"]);
        let keys = author::Entity::insert_many([author(12, "Doyle")]).exec_with_returning_keys(db);
        assert_eq!(keys.await.unwrap(), [12]);
    })
    .await;
    assert!(sql[0].starts_with("INSERT INTO"), "{sql:#?}");
}

async fn does_nothing_about_rows_that_it_has(world: &World) {
    let sql = inside_acme(world, async |db| {
        let ignore = OnConflict::column(author::Column::Id)
            .do_nothing_on([author::Column::Id])
            .to_owned();
        author::Entity::insert_many([author(1, "Other Verne"), author(10, "Poe")])
            .on_conflict(ignore)
            .exec_without_returning(db)
            .await
            .unwrap();
        let read = author::Entity::find_by_id(1).one(db).await.unwrap();
        assert_eq!(read.unwrap().name, "Verne");
        assert!(
            author::Entity::find_by_id(10)
                .one(db)
                .await
                .unwrap()
                .is_some()
        );
    })
    .await;
    let expected = exactly(
        world,
        r#"INSERT INTO {acme}."author" ("id", "name", "mentor_id") VALUES ($1, $2, $3), ($4, $5, $6) ON CONFLICT ("id") DO NOTHING"#,
        "INSERT INTO {acme}.`author` (`id`, `name`, `mentor_id`) VALUES (?, ?, ?), (?, ?, ?) ON DUPLICATE KEY UPDATE `id` = `id`",
        r#"INSERT INTO "main"."author" ("id", "name", "mentor_id") VALUES (?, ?, ?), (?, ?, ?) ON CONFLICT ("id") DO NOTHING"#,
    );
    assert_eq!(sql[0], expected);
}

async fn says_when_every_row_was_there(world: &World) {
    inside_acme(world, async |db| {
        let outcome = author::Entity::insert_many([author(1, "Verne"), author(2, "Wells")])
            .on_conflict_do_nothing()
            .exec(db)
            .await;
        assert!(matches!(outcome, Ok(TryInsertResult::Conflicted)));
        let none: [author::ActiveModel; 0] = [];
        let outcome = author::Entity::insert_many(none)
            .on_conflict_do_nothing()
            .exec(db)
            .await;
        assert!(matches!(outcome, Ok(TryInsertResult::Empty)));
    })
    .await;
}

async fn updates_the_rows_that_it_has(world: &World) {
    let sql = inside_acme(world, async |db| {
        let update = OnConflict::column(author::Column::Id)
            .update_column(author::Column::Name)
            .to_owned();
        author::Entity::insert_many([author(1, "Jules"), author(10, "Poe")])
            .on_conflict(update)
            .exec_without_returning(db)
            .await
            .unwrap();
        let read = author::Entity::find_by_id(1).one(db).await.unwrap();
        assert_eq!(read.unwrap().name, "Jules");
    })
    .await;
    let expected = exactly(
        world,
        r#"INSERT INTO {acme}."author" ("id", "name", "mentor_id") VALUES ($1, $2, $3), ($4, $5, $6) ON CONFLICT ("id") DO UPDATE SET "name" = "excluded"."name""#,
        "INSERT INTO {acme}.`author` (`id`, `name`, `mentor_id`) VALUES (?, ?, ?), (?, ?, ?) ON DUPLICATE KEY UPDATE `name` = VALUES(`name`)",
        r#"INSERT INTO "main"."author" ("id", "name", "mentor_id") VALUES (?, ?, ?), (?, ?, ?) ON CONFLICT ("id") DO UPDATE SET "name" = "excluded"."name""#,
    );
    assert_eq!(sql[0], expected);
}

async fn upserts_and_returns_the_row(world: &World) {
    inside_acme(world, async |db| {
        let update = OnConflict::column(author::Column::Id)
            .update_columns([author::Column::Name, author::Column::MentorId])
            .to_owned();
        let jules = author::Entity::insert(author(3, "Stanislaw"))
            .on_conflict(update)
            .exec_with_returning(db)
            .await
            .unwrap();
        assert_eq!((jules.name.as_str(), jules.mentor_id), ("Stanislaw", None));
    })
    .await;
}

async fn inserts_links_with_a_composite_key(world: &World) {
    inside_acme(world, async |db| {
        let link = |book_id, tag_id| book_tag::ActiveModel {
            book_id: Set(book_id),
            tag_id: Set(tag_id),
        };
        book_tag::Entity::insert_many([link(1, 1), link(4, 4)])
            .on_conflict_do_nothing_on([book_tag::Column::BookId, book_tag::Column::TagId])
            .exec_without_returning(db)
            .await
            .unwrap();
        assert_eq!(book_tag::Entity::find().all(db).await.unwrap().len(), 5);
        let found = book_tag::Entity::find_by_id((4, 4)).one(db).await.unwrap();
        assert!(found.is_some());
    })
    .await;
}
