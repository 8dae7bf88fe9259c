//! From one entity to those it is related to, by joins.

use sea_orm::{
    ColumnTrait as _, EntityTrait as _, ModelTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, RelationTrait as _,
    sea_query::{Expr, ExprTrait as _, JoinType},
};

use super::inside::{exactly, inside_acme, only};
use crate::support::{
    World,
    entities::{author, book, genre, review, tag},
    on_every_database,
};

on_every_database!(
    finds_the_one_that_a_row_belongs_to,
    finds_a_shared_row_beside_its_own,
    finds_the_many_that_belong_to_a_row,
    finds_many_to_many,
    finds_what_a_model_is_related_to,
    finds_by_what_exists_on_the_other_side,
    joins_three_tables,
    joins_itself_under_an_alias,
);

async fn finds_the_one_that_a_row_belongs_to(world: &World) {
    let sql = inside_acme(world, async |db| {
        let found = book::Entity::find()
            .find_also_related(author::Entity)
            .order_by_asc(book::Column::Id)
            .all(db)
            .await
            .unwrap();
        let names: Vec<_> = found.into_iter().map(|(_, a)| a.unwrap().name).collect();
        assert_eq!(names, ["Verne", "Verne", "Wells", "Wells"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"FROM {acme}."book" LEFT JOIN {acme}."author" ON "book"."author_id" = "author"."id" ORDER BY "book"."id" ASC"#,
        "FROM {acme}.`book` LEFT JOIN {acme}.`author` ON `book`.`author_id` = `author`.`id` ORDER BY `book`.`id` ASC",
        r#"FROM "main"."book" LEFT JOIN "main"."author" ON "book"."author_id" = "author"."id" ORDER BY "book"."id" ASC"#,
    );
    let sql = only(sql);
    assert!(sql.ends_with(&expected), "{sql}");
}

async fn finds_a_shared_row_beside_its_own(world: &World) {
    let sql = inside_acme(world, async |db| {
        let found = book::Entity::find()
            .find_also_related(genre::Entity)
            .order_by_asc(book::Column::Id)
            .all(db)
            .await
            .unwrap();
        let labels: Vec<_> = found.into_iter().map(|(_, g)| g.map(|g| g.label)).collect();
        let (fiction, travel) = (Some("Fiction".to_owned()), Some("Travel".to_owned()));
        assert_eq!(labels, [fiction.clone(), travel, fiction, None]);
    })
    .await;
    let expected = exactly(
        world,
        r#"FROM {acme}."book" LEFT JOIN "genre" ON "book"."genre_id" = "genre"."id" ORDER BY "book"."id" ASC"#,
        "FROM {acme}.`book` LEFT JOIN `genre` ON `book`.`genre_id` = `genre`.`id` ORDER BY `book`.`id` ASC",
        r#"FROM "main"."book" LEFT JOIN "genre" ON "book"."genre_id" = "genre"."id" ORDER BY "book"."id" ASC"#,
    );
    let sql = only(sql);
    assert!(sql.ends_with(&expected), "{sql}");
}

async fn finds_the_many_that_belong_to_a_row(world: &World) {
    inside_acme(world, async |db| {
        let found = author::Entity::find()
            .find_with_related(book::Entity)
            .order_by_asc(author::Column::Id)
            .order_by_asc(book::Column::Id)
            .all(db)
            .await
            .unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|(author, books)| (author.name.as_str(), books.len()))
            .collect();
        assert_eq!(found, [("Verne", 2), ("Wells", 2), ("Lem", 0)]);
    })
    .await;
}

async fn finds_many_to_many(world: &World) {
    let sql = inside_acme(world, async |db| {
        let found = tag::Entity::find()
            .find_with_related(book::Entity)
            .filter(tag::COLUMN.word.eq("future"))
            .order_by_asc(book::Column::Id)
            .all(db)
            .await
            .unwrap();
        let titles: Vec<_> = found[0].1.iter().map(|book| book.title.as_str()).collect();
        assert_eq!((found.len(), titles), (1, vec!["Nautilus", "Time Machine"]));
    })
    .await;
    let expected = exactly(
        world,
        r#"FROM {acme}."tag" LEFT JOIN {acme}."book_tag" ON "tag"."id" = "book_tag"."tag_id" LEFT JOIN {acme}."book" ON "book_tag"."book_id" = "book"."id" WHERE"#,
        "FROM {acme}.`tag` LEFT JOIN {acme}.`book_tag` ON `tag`.`id` = `book_tag`.`tag_id` LEFT JOIN {acme}.`book` ON `book_tag`.`book_id` = `book`.`id` WHERE",
        r#"FROM "main"."tag" LEFT JOIN "main"."book_tag" ON "tag"."id" = "book_tag"."tag_id" LEFT JOIN "main"."book" ON "book_tag"."book_id" = "book"."id" WHERE"#,
    );
    let sql = only(sql);
    assert!(sql.contains(&expected), "{sql}");
}

async fn finds_what_a_model_is_related_to(world: &World) {
    inside_acme(world, async |db| {
        let nautilus = book::Entity::find_by_id(1).one(db).await.unwrap().unwrap();
        let verne = nautilus.find_related(author::Entity).one(db).await;
        assert_eq!(verne.unwrap().unwrap().name, "Verne");
        let mut reviews = nautilus.find_related(review::Entity).all(db).await.unwrap();
        reviews.sort_by_key(|review| review.id);
        assert_eq!(reviews[0].mood, review::Mood::Glad);
        assert_eq!((reviews.len(), reviews[1].text.as_str()), (2, "wet"));
        let tags = nautilus.find_related(tag::Entity).order_by_id_asc().all(db);
        let words: Vec<_> = tags.await.unwrap().into_iter().map(|t| t.word).collect();
        assert_eq!(words, ["sea", "future"]);
        let genre = nautilus.find_related(genre::Entity).one(db).await.unwrap();
        assert_eq!(genre.unwrap().label, "Fiction");
    })
    .await;
}

async fn finds_by_what_exists_on_the_other_side(world: &World) {
    inside_acme(world, async |db| {
        let glad = book::Entity::find()
            .has_related(review::Entity, review::Column::Mood.eq(review::Mood::Sad))
            .all(db)
            .await
            .unwrap();
        assert_eq!((glad.len(), glad[0].title.as_str()), (1, "Nautilus"));
        let future = book::Entity::find()
            .has_related(tag::Entity, tag::COLUMN.word.eq("future"))
            .all(db)
            .await
            .unwrap();
        assert_eq!(future.len(), 2);
        let others = tag::COLUMN.word.eq("GLOBEX future");
        let none = book::Entity::find().has_related(tag::Entity, others);
        assert!(none.all(db).await.unwrap().is_empty());
    })
    .await;
}

async fn joins_three_tables(world: &World) {
    inside_acme(world, async |db| {
        let found = review::Entity::find()
            .find_also_related(book::Entity)
            .and_also_related(author::Entity)
            .order_by_asc(review::Column::Id)
            .all(db)
            .await
            .unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|(r, b, a)| (r.text, b.unwrap().title, a.unwrap().name))
            .collect();
        let row = |r: &str, b: &str, a: &str| (r.to_owned(), b.to_owned(), a.to_owned());
        let expected = [
            row("deep", "Nautilus", "Verne"),
            row("wet", "Nautilus", "Verne"),
            row("fast", "Time Machine", "Wells"),
        ];
        assert_eq!(found, expected);
        let both = book::Entity::find().find_both_related(genre::Entity);
        assert_eq!(both.all(db).await.unwrap().len(), 3);
        let inner = book::Entity::find().inner_join(review::Entity).distinct();
        assert_eq!(inner.all(db).await.unwrap().len(), 2);
    })
    .await;
}

async fn joins_itself_under_an_alias(world: &World) {
    let sql = inside_acme(world, async |db| {
        let pupils_of_verne = author::Entity::find()
            .join_as(
                JoinType::InnerJoin,
                author::Relation::Mentor.def(),
                "mentor",
            )
            .filter(Expr::col(("mentor", author::Column::Name)).eq("Verne"))
            .all(db)
            .await
            .unwrap();
        let names: Vec<_> = pupils_of_verne.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["Wells"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"INNER JOIN {acme}."author" AS "mentor" ON "author"."mentor_id" = "mentor"."id""#,
        "INNER JOIN {acme}.`author` AS `mentor` ON `author`.`mentor_id` = `mentor`.`id`",
        r#"INNER JOIN "main"."author" AS "mentor" ON "author"."mentor_id" = "mentor"."id""#,
    );
    let sql = only(sql);
    assert!(sql.contains(&expected), "{sql}");
}
