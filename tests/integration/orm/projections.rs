//! Less than a model, or more than one.

use sea_orm::{
    DerivePartialModel, EntityTrait as _, FromQueryResult, JoinType, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, RelationTrait as _, prelude::Json,
    sea_query::ExprTrait as _,
};

use super::inside::{exactly, inside_acme, only};
use crate::support::{
    World,
    entities::{author, book, genre},
    on_every_database,
};

on_every_database!(
    selects_a_partial_model,
    selects_nested_partial_models,
    selects_tuples,
    groups_and_counts,
    selects_into_a_struct,
    selects_into_json,
    selects_two_structs,
);

#[derive(Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "author::Entity")]
struct Writer {
    name: String,
}

#[derive(Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "genre::Entity")]
struct Kind {
    #[sea_orm(from_col = "label")]
    name: String,
}

#[derive(Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "book::Entity")]
struct Card {
    title: String,
    #[sea_orm(nested)]
    writer: Writer,
    #[sea_orm(nested)]
    kind: Option<Kind>,
}

async fn selects_a_partial_model(world: &World) {
    let sql = inside_acme(world, async |db| {
        let writers = author::Entity::find()
            .order_by_id_asc()
            .into_partial_model::<Writer>()
            .all(db)
            .await
            .unwrap();
        let names: Vec<_> = writers.into_iter().map(|writer| writer.name).collect();
        assert_eq!(names, ["Verne", "Wells", "Lem"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"SELECT "author"."name" AS "name" FROM {acme}."author" ORDER BY "author"."id" ASC"#,
        "SELECT `author`.`name` AS `name` FROM {acme}.`author` ORDER BY `author`.`id` ASC",
        r#"SELECT "author"."name" AS "name" FROM "main"."author" ORDER BY "author"."id" ASC"#,
    );
    assert_eq!(only(sql), expected);
}

async fn selects_nested_partial_models(world: &World) {
    let sql = inside_acme(world, async |db| {
        let cards: Vec<Card> = book::Entity::find()
            .inner_join(author::Entity)
            .left_join(genre::Entity)
            .order_by_id_asc()
            .into_partial_model()
            .all(db)
            .await
            .unwrap();
        assert_eq!(cards.len(), 4);
        let expected = Card {
            title: "Balloon".into(),
            writer: Writer {
                name: "Verne".into(),
            },
            kind: Some(Kind {
                name: "Travel".into(),
            }),
        };
        assert_eq!(cards[1], expected);
        assert_eq!(cards[3].kind, None);
    })
    .await;
    let expected = exactly(
        world,
        r#"FROM {acme}."book" INNER JOIN {acme}."author" ON "book"."author_id" = "author"."id" LEFT JOIN "genre" ON"#,
        "FROM {acme}.`book` INNER JOIN {acme}.`author` ON `book`.`author_id` = `author`.`id` LEFT JOIN `genre` ON",
        r#"FROM "main"."book" INNER JOIN "main"."author" ON "book"."author_id" = "author"."id" LEFT JOIN "genre" ON"#,
    );
    let sql = only(sql);
    assert!(sql.contains(&expected), "{sql}");
}

async fn selects_tuples(world: &World) {
    inside_acme(world, async |db| {
        let pairs: Vec<(i32, String)> = book::Entity::find()
            .select_only()
            .columns([book::Column::Id, book::Column::Title])
            .filter(book::COLUMN.author_id.eq(1))
            .order_by_id_asc()
            .into_tuple()
            .all(db)
            .await
            .unwrap();
        assert_eq!(pairs, [(1, "Nautilus".into()), (2, "Balloon".into())]);
        let names: Vec<String> = book::Entity::find()
            .select_only()
            .column(author::Column::Name)
            .join(JoinType::InnerJoin, book::Relation::Author.def())
            .distinct()
            .order_by_asc(author::Column::Name)
            .into_tuple()
            .all(db)
            .await
            .unwrap();
        assert_eq!(names, ["Verne", "Wells"]);
    })
    .await;
}

async fn groups_and_counts(world: &World) {
    inside_acme(world, async |db| {
        let counts: Vec<(String, i64)> = author::Entity::find()
            .select_only()
            .column(author::Column::Name)
            .column_as(book::COLUMN.id.count(), "books")
            .left_join(book::Entity)
            .group_by(author::Column::Name)
            .having(book::COLUMN.id.count().gt(0))
            .order_by_asc(author::Column::Name)
            .into_tuple()
            .all(db)
            .await
            .unwrap();
        assert_eq!(counts, [("Verne".into(), 2), ("Wells".into(), 2)]);
    })
    .await;
}

#[derive(Debug, PartialEq, FromQueryResult)]
struct Shelved {
    title: String,
    genre: String,
}

async fn selects_into_a_struct(world: &World) {
    inside_acme(world, async |db| {
        let found = book::Entity::find()
            .select_only()
            .column(book::Column::Title)
            .column_as(genre::Column::Label, "genre")
            .inner_join(genre::Entity)
            .order_by_desc(book::Column::Id)
            .into_model::<Shelved>()
            .one(db)
            .await
            .unwrap();
        let (title, genre) = ("Time Machine".to_owned(), "Fiction".to_owned());
        assert_eq!(found, Some(Shelved { title, genre }));
    })
    .await;
}

async fn selects_into_json(world: &World) {
    inside_acme(world, async |db| {
        let found = author::Entity::find_by_id(2).into_json().one(db).await;
        let expected = sea_orm::JsonValue::from_iter([
            ("id", Json::from(2)),
            ("name", Json::from("Wells")),
            ("mentor_id", Json::from(1)),
        ]);
        assert_eq!(found.unwrap(), Some(expected));
        let pairs = book::Entity::find().find_also_related(author::Entity);
        let pairs = pairs
            .order_by_asc(book::Column::Id)
            .into_json()
            .all(db)
            .await
            .unwrap();
        assert_eq!(pairs[2].1.as_ref().unwrap()["name"], "Wells");
    })
    .await;
}

#[derive(Debug, PartialEq, DerivePartialModel)]
#[sea_orm(entity = "book::Entity")]
struct Cover {
    title: String,
}

async fn selects_two_structs(world: &World) {
    inside_acme(world, async |db| {
        let found = book::Entity::find()
            .find_also_related(author::Entity)
            .order_by_asc(book::Column::Id)
            .into_model::<Cover, Writer>()
            .all(db)
            .await
            .unwrap();
        let (title, name) = ("Time Machine".to_owned(), "Wells".to_owned());
        assert_eq!(found[2], (Cover { title }, Some(Writer { name })));
    })
    .await;
}
