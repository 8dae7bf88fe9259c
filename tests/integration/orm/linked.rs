//! Along a chain of relations, and along one that comes back to the same table.

use sea_orm::{
    EntityTrait as _, LinkDef, Linked, ModelTrait as _, QueryFilter as _, QueryOrder as _,
    RelationTrait as _,
};

use super::inside::{exactly, inside_acme, only};
use crate::support::{
    World,
    entities::{SameAuthor, author, book, genre, review},
    on_every_database,
};

on_every_database!(
    finds_one_along_a_link,
    finds_many_along_a_link,
    finds_what_a_model_links_to,
    links_to_a_shared_table,
    follows_a_self_reference,
);

/// From a review to the genre of its book.
struct GenreOfBook;

impl Linked for GenreOfBook {
    type FromEntity = review::Entity;
    type ToEntity = genre::Entity;

    fn link(&self) -> Vec<LinkDef> {
        vec![review::Relation::Book.def(), book::Relation::Genre.def()]
    }
}

struct Mentor;

impl Linked for Mentor {
    type FromEntity = author::Entity;
    type ToEntity = author::Entity;

    fn link(&self) -> Vec<LinkDef> {
        vec![author::Relation::Mentor.def()]
    }
}

async fn finds_one_along_a_link(world: &World) {
    let sql = inside_acme(world, async |db| {
        let pairs = book::Entity::find()
            .filter(book::COLUMN.id.eq(1))
            .find_also_linked(SameAuthor)
            .all(db)
            .await
            .unwrap();
        let mut titles: Vec<_> = pairs
            .iter()
            .map(|(_, b)| &b.as_ref().unwrap().title)
            .collect();
        titles.sort();
        assert_eq!(titles, ["Balloon", "Nautilus"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"FROM {acme}."book" LEFT JOIN {acme}."author" AS "r0" ON "book"."author_id" = "r0"."id" LEFT JOIN {acme}."book" AS "r1" ON "r0"."id" = "r1"."author_id""#,
        "FROM {acme}.`book` LEFT JOIN {acme}.`author` AS `r0` ON `book`.`author_id` = `r0`.`id` LEFT JOIN {acme}.`book` AS `r1` ON `r0`.`id` = `r1`.`author_id`",
        r#"FROM "main"."book" LEFT JOIN "main"."author" AS "r0" ON "book"."author_id" = "r0"."id" LEFT JOIN "main"."book" AS "r1" ON "r0"."id" = "r1"."author_id""#,
    );
    let sql = only(sql);
    assert!(sql.contains(&expected), "{sql}");
}

async fn finds_many_along_a_link(world: &World) {
    inside_acme(world, async |db| {
        let found = book::Entity::find()
            .find_with_linked(SameAuthor)
            .order_by_asc(book::Column::Id)
            .all(db)
            .await
            .unwrap();
        let counts: Vec<_> = found.iter().map(|(_, books)| books.len()).collect();
        assert_eq!(counts, [2, 2, 2, 2]);
    })
    .await;
}

async fn finds_what_a_model_links_to(world: &World) {
    inside_acme(world, async |db| {
        let machine = book::Entity::find_by_id(3).one(db).await.unwrap().unwrap();
        let found = machine.find_linked(SameAuthor).all(db).await.unwrap();
        let mut titles: Vec<_> = found.into_iter().map(|book| book.title).collect();
        titles.sort();
        assert_eq!(titles, ["Invisible", "Time Machine"]);
    })
    .await;
}

async fn links_to_a_shared_table(world: &World) {
    inside_acme(world, async |db| {
        let found = review::Entity::find()
            .find_also_linked(GenreOfBook)
            .order_by_asc(review::Column::Id)
            .all(db)
            .await
            .unwrap();
        let labels: Vec<_> = found.into_iter().map(|(_, g)| g.unwrap().label).collect();
        assert_eq!(labels, ["Fiction", "Fiction", "Fiction"]);
    })
    .await;
}

async fn follows_a_self_reference(world: &World) {
    inside_acme(world, async |db| {
        let found = author::Entity::find()
            .find_also_linked(Mentor)
            .order_by_asc(author::Column::Id)
            .all(db)
            .await
            .unwrap();
        let mentors: Vec<_> = found.into_iter().map(|(_, m)| m.map(|m| m.name)).collect();
        assert_eq!(
            mentors,
            [None, Some("Verne".to_owned()), Some("Wells".to_owned())]
        );
        let lem = author::Entity::find_by_id(3)
            .one(db)
            .await
            .unwrap()
            .unwrap();
        let wells = lem.find_linked(Mentor).one(db).await.unwrap().unwrap();
        assert_eq!(wells.name, "Wells");
    })
    .await;
}
