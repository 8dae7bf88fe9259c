//! Related rows in queries of their own: the loader of models, and the entity loader of SeaORM 2.

use sea_orm::{
    EntityLoaderTrait as _, EntityTrait as _, LoaderTrait as _, QueryFilter as _, QueryOrder as _,
    TransactionTrait as _,
};

use super::inside::{exactly, inside_acme};
use crate::support::{
    World,
    entities::{author, book, book_tag, genre, review, tag},
    on_every_database,
};

on_every_database!(
    loads_one_for_each,
    loads_many_for_each,
    loads_many_to_many,
    loads_along_a_self_reference,
    entity_loader_filters_and_orders,
    entity_loader_joins_one,
    entity_loader_loads_many_to_many,
    entity_loader_loads_nested,
    entity_loader_loads_a_self_reference,
    loads_in_a_transaction,
);

async fn loads_one_for_each(world: &World) {
    let sql = inside_acme(world, async |db| {
        let books = book::Entity::find()
            .order_by_id_asc()
            .all(db)
            .await
            .unwrap();
        let authors = books.load_one(author::Entity, db).await.unwrap();
        let names: Vec<_> = authors.into_iter().map(|a| a.unwrap().name).collect();
        assert_eq!(names, ["Verne", "Verne", "Wells", "Wells"]);
        let genres = books.load_one(genre::Entity, db).await.unwrap();
        let labels: Vec<_> = genres.into_iter().map(|g| g.map(|g| g.label)).collect();
        assert_eq!((labels.len(), labels[3].as_ref()), (4, None));
    })
    .await;
    let expected = exactly(
        world,
        r#"FROM {acme}."author" WHERE ("author"."id") IN (($1), ($2))"#,
        "FROM {acme}.`author` WHERE `author`.`id` IN (?, ?)",
        r#"FROM "main"."author" WHERE "author"."id" IN (?, ?)"#,
    );
    assert!(sql[1].contains(&expected), "{sql:#?}");
}

async fn loads_many_for_each(world: &World) {
    inside_acme(world, async |db| {
        let authors = author::Entity::find()
            .order_by_id_asc()
            .all(db)
            .await
            .unwrap();
        let books = authors.load_many(book::Entity, db).await.unwrap();
        let counts: Vec<_> = books.iter().map(Vec::len).collect();
        assert_eq!(counts, [2, 2, 0]);
        let shelved = book::Entity::find().filter(book::COLUMN.row.is_not_null());
        let books = authors.load_many(shelved, db).await.unwrap();
        assert_eq!(books[1][0].title, "Time Machine");
        assert_eq!(books[1].len(), 1);
    })
    .await;
}

async fn loads_many_to_many(world: &World) {
    inside_acme(world, async |db| {
        let books = book::Entity::find()
            .order_by_id_asc()
            .all(db)
            .await
            .unwrap();
        let words = |tags: Vec<Vec<tag::Model>>| -> Vec<Vec<String>> {
            let sorted = |tags: Vec<tag::Model>| {
                let mut words: Vec<_> = tags.into_iter().map(|tag| tag.word).collect();
                words.sort();
                words
            };
            tags.into_iter().map(sorted).collect()
        };
        let expected = [vec!["future", "sea"], vec!["air"], vec!["future"], vec![]];
        let tags = books.load_many(tag::Entity, db).await.unwrap();
        assert_eq!(words(tags), expected);
        let tags = books.load_many_to_many(tag::Entity, book_tag::Entity, db);
        assert_eq!(words(tags.await.unwrap()), expected);
    })
    .await;
}

async fn loads_along_a_self_reference(world: &World) {
    inside_acme(world, async |db| {
        let authors = author::Entity::find()
            .order_by_id_asc()
            .all(db)
            .await
            .unwrap();
        let mentors = authors.load_self(author::Entity, author::Relation::Mentor, db);
        let mentors: Vec<_> = mentors
            .await
            .unwrap()
            .into_iter()
            .map(|m| m.map(|m| m.id))
            .collect();
        assert_eq!(mentors, [None, Some(1), Some(2)]);
        let pupils = authors.load_self_many(author::Entity, author::Relation::Pupils, db);
        let pupils: Vec<_> = pupils.await.unwrap().iter().map(Vec::len).collect();
        assert_eq!(pupils, [1, 1, 0]);
    })
    .await;
}

async fn entity_loader_filters_and_orders(world: &World) {
    inside_acme(world, async |db| {
        let found = book::Entity::load()
            .filter(book::COLUMN.author_id.eq(1))
            .order_by_desc(book::COLUMN.title)
            .all(db)
            .await
            .unwrap();
        let titles: Vec<_> = found.iter().map(|book| book.title.as_str()).collect();
        assert_eq!(titles, ["Nautilus", "Balloon"]);
        let verne = author::Entity::load().filter_by_name("Verne").one(db).await;
        assert_eq!(verne.unwrap().unwrap().id, 1);
    })
    .await;
}

async fn entity_loader_joins_one(world: &World) {
    inside_acme(world, async |db| {
        let book = book::Entity::load()
            .filter_by_id(3)
            .with(author::Entity)
            .with(genre::Entity)
            .one(db)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(book.author.as_ref().unwrap().name, "Wells");
        assert_eq!(book.genre.as_ref().unwrap().label, "Fiction");
    })
    .await;
}

async fn entity_loader_loads_many_to_many(world: &World) {
    inside_acme(world, async |db| {
        let books = book::Entity::load()
            .with(tag::Entity)
            .order_by_asc(book::COLUMN.id)
            .all(db)
            .await
            .unwrap();
        let counts: Vec<_> = books.iter().map(|book| book.tags.len()).collect();
        assert_eq!(counts, [2, 1, 1, 0]);
        assert_eq!(books[1].tags[0].word, "air");
    })
    .await;
}

async fn entity_loader_loads_nested(world: &World) {
    inside_acme(world, async |db| {
        let authors = author::Entity::load()
            .with((book::Entity, review::Entity))
            .order_by_asc(author::COLUMN.id)
            .all(db)
            .await
            .unwrap();
        let counts: Vec<Vec<usize>> = authors
            .iter()
            .map(|author| author.books.iter().map(|book| book.reviews.len()).collect())
            .collect();
        assert_eq!(counts, [vec![2, 0], vec![1, 0], vec![]]);
        assert_eq!(authors[1].books[0].reviews[0].mood, review::Mood::Glad);

        let reviews = review::Entity::load()
            .with((book::Entity, author::Entity))
            .with((book::Entity, tag::Entity))
            .order_by_asc(review::COLUMN.id)
            .all(db)
            .await
            .unwrap();
        let book = reviews[2].book.as_ref().unwrap();
        assert_eq!(book.author.as_ref().unwrap().name, "Wells");
        assert_eq!(book.tags[0].word, "future");
    })
    .await;
}

async fn entity_loader_loads_a_self_reference(world: &World) {
    inside_acme(world, async |db| {
        let authors = author::Entity::load()
            .with(author::Relation::Mentor)
            .with(author::Relation::Pupils)
            .order_by_asc(author::COLUMN.id)
            .all(db)
            .await
            .unwrap();
        assert_eq!(authors[0].pupils[0].name, "Wells");
        assert_eq!(authors[1].mentor.as_ref().unwrap().name, "Verne");
        assert!(authors[2].pupils.is_empty());
    })
    .await;
}

async fn loads_in_a_transaction(world: &World) {
    inside_acme(world, async |db| {
        let transaction = db.begin().await.unwrap();
        tag::Entity::delete_by_id(3)
            .exec(&transaction)
            .await
            .unwrap();
        let books = book::Entity::load()
            .with(author::Entity)
            .with(tag::Entity)
            .order_by_asc(book::COLUMN.id)
            .all(&transaction)
            .await
            .unwrap();
        assert_eq!(books[2].author.as_ref().unwrap().name, "Wells");
        let counts: Vec<_> = books.iter().map(|book| book.tags.len()).collect();
        assert_eq!(counts, [1, 1, 0, 0]);
        transaction.rollback().await.unwrap();
    })
    .await;
}
