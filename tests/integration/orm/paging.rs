//! Page by page, and from where a reader stopped.

use futures_util::TryStreamExt as _;
use sea_orm::{EntityTrait as _, PaginatorTrait as _, QueryOrder as _};

use super::inside::{exactly, inside_acme};
use crate::support::{
    World,
    entities::{author, book},
    on_every_database,
};

on_every_database!(
    counts_items_and_pages,
    fetches_pages,
    streams_pages,
    pages_through_related_rows,
    cursor_goes_forwards,
    cursor_goes_backwards,
    cursor_orders_by_two_columns,
);

fn titles(books: Vec<book::Model>) -> Vec<String> {
    books.into_iter().map(|book| book.title).collect()
}

async fn counts_items_and_pages(world: &World) {
    let sql = inside_acme(world, async |db| {
        let pages = book::Entity::find().order_by_id_asc().paginate(db, 3);
        assert_eq!(pages.num_items().await.unwrap(), 4);
        assert_eq!(pages.num_pages().await.unwrap(), 2);
        let both = pages.num_items_and_pages().await.unwrap();
        assert_eq!((both.number_of_items, both.number_of_pages), (4, 2));
    })
    .await;
    let expected = exactly(
        world,
        r#"SELECT COUNT(*) AS num_items FROM (SELECT "book"."id", "book"."title", "book"."author_id", "book"."row", "book"."place", "book"."genre_id" FROM {acme}."book") AS "sub_query""#,
        "SELECT COUNT(*) AS num_items FROM (SELECT `book`.`id`, `book`.`title`, `book`.`author_id`, `book`.`row`, `book`.`place`, `book`.`genre_id` FROM {acme}.`book`) AS `sub_query`",
        r#"SELECT COUNT(*) AS num_items FROM (SELECT "book"."id", "book"."title", "book"."author_id", "book"."row", "book"."place", "book"."genre_id" FROM "main"."book") AS "sub_query""#,
    );
    assert_eq!(sql[0], expected);
}

async fn fetches_pages(world: &World) {
    inside_acme(world, async |db| {
        let mut pages = book::Entity::find().order_by_id_asc().paginate(db, 3);
        let second = pages.fetch_page(1).await.unwrap();
        assert_eq!(titles(second), ["Invisible"]);
        let first = pages.fetch_and_next().await.unwrap().unwrap();
        assert_eq!(titles(first), ["Nautilus", "Balloon", "Time Machine"]);
        assert_eq!(titles(pages.fetch().await.unwrap()), ["Invisible"]);
    })
    .await;
}

async fn streams_pages(world: &World) {
    inside_acme(world, async |db| {
        let pages = book::Entity::find().order_by_id_asc().paginate(db, 3);
        let pages: Vec<_> = pages.into_stream().try_collect().await.unwrap();
        let lengths: Vec<_> = pages.iter().map(Vec::len).collect();
        assert_eq!(lengths, [3, 1]);
    })
    .await;
}

async fn pages_through_related_rows(world: &World) {
    inside_acme(world, async |db| {
        let pages = book::Entity::find()
            .find_also_related(author::Entity)
            .order_by_desc(book::Column::Id)
            .paginate(db, 2);
        let page = pages.fetch_page(1).await.unwrap();
        let (balloon, verne) = &page[0];
        assert_eq!(balloon.title, "Balloon");
        assert_eq!(verne.as_ref().unwrap().name, "Verne");
        assert_eq!(pages.num_items().await.unwrap(), 4);
    })
    .await;
}

async fn cursor_goes_forwards(world: &World) {
    let sql = inside_acme(world, async |db| {
        let mut cursor = book::Entity::find().cursor_by(book::Column::Id);
        let found = cursor.after(1).first(2).all(db).await.unwrap();
        assert_eq!(titles(found), ["Balloon", "Time Machine"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"FROM {acme}."book" WHERE "book"."id" > $1 ORDER BY "book"."id" ASC LIMIT $2"#,
        "FROM {acme}.`book` WHERE `book`.`id` > ? ORDER BY `book`.`id` ASC LIMIT ?",
        r#"FROM "main"."book" WHERE "book"."id" > ? ORDER BY "book"."id" ASC LIMIT ?"#,
    );
    assert!(sql[0].ends_with(&expected), "{sql:#?}");
}

async fn cursor_goes_backwards(world: &World) {
    inside_acme(world, async |db| {
        let mut cursor = book::Entity::find().cursor_by(book::Column::Id);
        let found = cursor.before(4).last(2).all(db).await.unwrap();
        assert_eq!(titles(found), ["Balloon", "Time Machine"]);
        let mut cursor = book::Entity::find().cursor_by(book::Column::Id);
        let found = cursor.desc().first(1).all(db).await.unwrap();
        assert_eq!(titles(found), ["Invisible"]);
    })
    .await;
}

async fn cursor_orders_by_two_columns(world: &World) {
    inside_acme(world, async |db| {
        let mut cursor = book::Entity::find().cursor_by((book::Column::AuthorId, book::Column::Id));
        let found = cursor.after((1, 1)).first(2).all(db).await.unwrap();
        assert_eq!(titles(found), ["Balloon", "Time Machine"]);
        let mut cursor = book::Entity::find()
            .find_also_related(author::Entity)
            .cursor_by(book::Column::Id);
        let found = cursor.after(2).first(1).all(db).await.unwrap();
        assert_eq!(found[0].1.as_ref().unwrap().name, "Wells");
    })
    .await;
}
