//! Updates and deletes of all rows that a condition names: where a wrong schema would do most harm.

use sea_orm::{
    ActiveValue::Set,
    DbErr, EntityTrait as _, PaginatorTrait as _, QueryFilter as _,
    sea_query::{Expr, ExprTrait as _},
};

use super::inside::{exactly, inside_acme, only};
use crate::support::{
    Server, World,
    entities::{book, review},
    on_every_database,
};

on_every_database!(
    updates_its_rows_only,
    updates_all_of_its_rows_and_no_others,
    updates_and_returns_the_rows,
    deletes_its_rows_only,
    deletes_all_of_its_rows_and_no_others,
    deletes_and_returns_the_rows,
);

async fn updates_its_rows_only(world: &World) {
    let sql = inside_acme(world, async |db| {
        let updated = book::Entity::update_many()
            .col_expr(book::Column::GenreId, Expr::value(2))
            .filter(book::COLUMN.author_id.eq(1))
            .exec(db)
            .await
            .unwrap();
        // MySQL's protocol, as the driver asks, counts rows that were found.
        assert_eq!(updated.rows_affected, 2);
        let travel = book::Entity::find().filter(book::COLUMN.genre_id.eq(2));
        assert_eq!(travel.count(db).await.unwrap(), 2);
    })
    .await;
    let expected = exactly(
        world,
        r#"UPDATE {acme}."book" SET "genre_id" = $1 WHERE "book"."author_id" = $2"#,
        "UPDATE {acme}.`book` SET `genre_id` = ? WHERE `book`.`author_id` = ?",
        r#"UPDATE "main"."book" SET "genre_id" = ? WHERE "book"."author_id" = ?"#,
    );
    assert_eq!(sql[0], expected);
}

async fn updates_all_of_its_rows_and_no_others(world: &World) {
    inside_acme(world, async |db| {
        let same = book::ActiveModel {
            genre_id: Set(None),
            ..Default::default()
        };
        let updated = book::Entity::update_many()
            .set(same)
            .exec(db)
            .await
            .unwrap();
        assert_eq!(updated.rows_affected, 4);
        let counted = book::Entity::update_many()
            .col_expr(book::Column::Row, Expr::col(book::Column::Row).add(1))
            .filter(book::COLUMN.row.is_not_null())
            .exec(db)
            .await
            .unwrap();
        assert_eq!(counted.rows_affected, 3);
    })
    .await;
}

async fn updates_and_returns_the_rows(world: &World) {
    inside_acme(world, async |db| {
        assert_eq!(book::Entity::find().count(db).await.unwrap(), 4);
        let returned = book::Entity::update_many()
            .col_expr(book::Column::GenreId, Expr::value(2))
            .filter(book::COLUMN.author_id.eq(2))
            .exec_with_returning(db)
            .await;
        if world.server == Server::MySql {
            let refused = returned.unwrap_err();
            assert!(matches!(refused, DbErr::BackendNotSupported { .. }));
            return;
        }
        let mut titles: Vec<_> = returned.unwrap().into_iter().map(|b| b.title).collect();
        titles.sort();
        assert_eq!(titles, ["Invisible", "Time Machine"]);
    })
    .await;
}

async fn deletes_its_rows_only(world: &World) {
    let sql = inside_acme(world, async |db| {
        let deleted = review::Entity::delete_many()
            .filter(review::COLUMN.book_id.eq(1))
            .exec(db)
            .await
            .unwrap();
        assert_eq!(deleted.rows_affected, 2);
    })
    .await;
    let expected = exactly(
        world,
        r#"DELETE FROM {acme}."review" WHERE "review"."book_id" = $1"#,
        "DELETE FROM {acme}.`review` WHERE `review`.`book_id` = ?",
        r#"DELETE FROM "main"."review" WHERE "review"."book_id" = ?"#,
    );
    assert_eq!(only(sql), expected);
}

async fn deletes_all_of_its_rows_and_no_others(world: &World) {
    inside_acme(world, async |db| {
        let deleted = review::Entity::delete_many().exec(db).await.unwrap();
        assert_eq!(deleted.rows_affected, 3);
    })
    .await;
}

async fn deletes_and_returns_the_rows(world: &World) {
    inside_acme(world, async |db| {
        assert_eq!(review::Entity::find().count(db).await.unwrap(), 3);
        let returned = review::Entity::delete_many()
            .filter(review::COLUMN.book_id.eq(1))
            .exec_with_returning(db)
            .await;
        if world.server == Server::MySql {
            let refused = returned.unwrap_err();
            assert!(matches!(refused, DbErr::BackendNotSupported { .. }));
            return;
        }
        let mut texts: Vec<_> = returned.unwrap().into_iter().map(|r| r.text).collect();
        texts.sort();
        assert_eq!(texts, ["deep", "wet"]);
        let one = review::Entity::delete_by_id(3)
            .exec_with_returning(db)
            .await;
        assert_eq!(one.unwrap().unwrap().text, "fast");
    })
    .await;
}
