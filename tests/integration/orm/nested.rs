//! Trees of active models, saved and deleted as one.

use sea_orm::{
    ActiveHasMany, ActiveValue::Set, EntityLoaderTrait as _, EntityTrait as _,
    IntoActiveModel as _, ModelTrait as _, PaginatorTrait as _, QueryOrder as _,
    TransactionTrait as _,
};

use super::inside::{Db, inside_acme};
use crate::support::{
    World,
    entities::{
        author, book, book_tag,
        review::{self, Mood},
        tag,
    },
    on_every_database,
};

on_every_database!(
    inserts_a_tree,
    inserts_a_tree_in_a_transaction,
    a_tree_that_fails_half_way_leaves_nothing,
    saves_a_new_parent,
    updates_children_through_their_parent,
    replaces_children,
    links_and_unlinks_many_to_many,
    cascades_a_delete,
    cascades_a_delete_in_a_transaction,
    clears_a_self_reference_on_delete,
);

/// An author with two books, one of them tagged and reviewed.
fn tree() -> author::ActiveModelEx {
    let review = review::ActiveModel::builder()
        .set_mood(Mood::Glad)
        .set_text("dark");
    let raven = book::ActiveModel::builder()
        .set_title("Raven")
        .add_tag(tag::ActiveModel::builder().set_word("bird"))
        .add_review(review);
    author::ActiveModel::builder()
        .set_name("Poe")
        .add_book(raven)
        .add_book(book::ActiveModel::builder().set_title("Usher"))
}

async fn assert_has_tree(db: &impl sea_orm::ConnectionTrait) {
    let poe = author::Entity::load()
        .filter_by_name("Poe")
        .with((book::Entity, tag::Entity))
        .with((book::Entity, review::Entity))
        .one(db)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((poe.id, poe.books.len()), (4, 2));
    assert_eq!(poe.books[0].tags[0].word, "bird");
    assert_eq!(poe.books[0].reviews[0].mood, Mood::Glad);
    assert_eq!(poe.books[1].title, "Usher");
}

async fn inserts_a_tree(world: &World) {
    inside_acme(world, async |db| {
        let poe = tree().insert(db).await.unwrap();
        assert_eq!(poe.books.len(), 2);
        assert_has_tree(db).await;
    })
    .await;
}

async fn inserts_a_tree_in_a_transaction(world: &World) {
    inside_acme(world, async |db| {
        let transaction = db.begin().await.unwrap();
        tree().save(&transaction).await.unwrap();
        transaction.rollback().await.unwrap();
        assert_eq!(author::Entity::find().count(db).await.unwrap(), 3);
        assert_eq!(book_tag::Entity::find().count(db).await.unwrap(), 4);

        let transaction = db.begin().await.unwrap();
        let saved = tree().save(&transaction).await.unwrap();
        let name = saved.name.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(name, "Poe");
        let books = author::Entity::load().filter_by_name("Poe");
        let poe = books.with(book::Entity).one(db).await.unwrap().unwrap();
        assert_eq!(poe.books.len(), 2);
    })
    .await;
}

async fn a_tree_that_fails_half_way_leaves_nothing(world: &World) {
    inside_acme(world, async |db| {
        let taken = book::ActiveModel::builder()
            .set_title("Pym")
            .set_row(Some(1))
            .set_place(Some(1));
        tree().add_book(taken).insert(db).await.unwrap_err();
        assert_eq!(author::Entity::find().count(db).await.unwrap(), 3);
        assert_eq!(book::Entity::find().count(db).await.unwrap(), 4);
        assert_eq!(tag::Entity::find().count(db).await.unwrap(), 4);
    })
    .await;
}

async fn saves_a_new_parent(world: &World) {
    inside_acme(world, async |db| {
        let mentor = author::ActiveModel::builder().set_name("Coleridge");
        book::ActiveModel::builder()
            .set_title("Raven")
            .set_author(
                author::ActiveModel::builder()
                    .set_name("Poe")
                    .set_mentor(mentor),
            )
            .save(db)
            .await
            .unwrap();
        let poe = author::Entity::find_by_name("Poe")
            .one(db)
            .await
            .unwrap()
            .unwrap();
        let mentor = author::Entity::find_by_id(poe.mentor_id.unwrap())
            .one(db)
            .await;
        assert_eq!(mentor.unwrap().unwrap().name, "Coleridge");
        let raven = book::Entity::find_by_id(5).one(db).await.unwrap().unwrap();
        assert_eq!(raven.author_id, poe.id);
    })
    .await;
}

async fn with_books(db: &Db, id: i32) -> author::ActiveModelEx {
    let author = author::Entity::load()
        .filter_by_id(id)
        .with(book::Entity)
        .one(db)
        .await
        .unwrap()
        .unwrap();
    author.into_active_model()
}

async fn updates_children_through_their_parent(world: &World) {
    inside_acme(world, async |db| {
        let mut verne = with_books(db, 1).await;
        verne.name = Set("Jules".into());
        verne.books[0].title = Set("Vingt mille".into());
        verne.update(db).await.unwrap();
        let nautilus = book::Entity::find_by_id(1).one(db).await.unwrap().unwrap();
        assert_eq!(nautilus.title, "Vingt mille");
    })
    .await;
}

async fn replaces_children(world: &World) {
    inside_acme(world, async |db| {
        // Of a book that nothing refers to but links, which go with it.
        book::Entity::delete_by_id(1).exec(db).await.unwrap_err();
        review::Entity::delete_many().exec(db).await.unwrap();
        let mut verne = with_books(db, 1).await;
        let moon = book::ActiveModel::builder().set_title("Moon");
        verne.books = ActiveHasMany::Replace(vec![moon]);
        verne.save(db).await.unwrap();
        let verne = author::Entity::find_by_id(1)
            .one(db)
            .await
            .unwrap()
            .unwrap();
        let books = verne.find_related(book::Entity).all(db).await.unwrap();
        assert_eq!((books.len(), books[0].title.as_str()), (1, "Moon"));
        assert_eq!(book_tag::Entity::find().count(db).await.unwrap(), 1);
    })
    .await;
}

async fn words(db: &Db, book: i32) -> Vec<String> {
    let book = book::Entity::find_by_id(book)
        .one(db)
        .await
        .unwrap()
        .unwrap();
    let tags = book
        .find_related(tag::Entity)
        .order_by_id_asc()
        .all(db)
        .await;
    tags.unwrap().into_iter().map(|tag| tag.word).collect()
}

async fn links_and_unlinks_many_to_many(world: &World) {
    inside_acme(world, async |db| {
        let air = tag::Entity::find_by_id(2).one(db).await.unwrap().unwrap();
        let nautilus = book::Entity::find_by_id(1).one(db).await.unwrap().unwrap();
        let nautilus = nautilus.into_active_model().into_ex();
        let nautilus = nautilus
            .add_tag(air.clone().into_active_model())
            .add_tag(tag::ActiveModel::builder().set_word("deep"))
            .save(db)
            .await
            .unwrap();
        assert_eq!(words(db, 1).await, ["sea", "air", "future", "deep"]);

        let mut nautilus = nautilus;
        nautilus.tags = ActiveHasMany::Replace(vec![air.into_active_model().into_ex()]);
        nautilus.save(db).await.unwrap();
        assert_eq!(words(db, 1).await, ["air"]);
        assert_eq!(words(db, 3).await, ["future"]);
        // Links go, tags stay.
        assert_eq!(tag::Entity::find().count(db).await.unwrap(), 5);
    })
    .await;
}

async fn cascades_a_delete(world: &World) {
    inside_acme(world, async |db| {
        let verne = author::Entity::find_by_id(1)
            .one(db)
            .await
            .unwrap()
            .unwrap();
        verne.clone().delete(db).await.unwrap_err();
        let deleted = verne.cascade_delete(db).await.unwrap();
        // The author, two books, two reviews, three links.
        assert_eq!(deleted.rows_affected, 8);
        assert_eq!(book::Entity::find().count(db).await.unwrap(), 2);
        assert_eq!(review::Entity::find().count(db).await.unwrap(), 1);
        let wells = author::Entity::find_by_id(2)
            .one(db)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(wells.mentor_id, None);
    })
    .await;
}

async fn cascades_a_delete_in_a_transaction(world: &World) {
    inside_acme(world, async |db| {
        let transaction = db.begin().await.unwrap();
        let wells = author::Entity::find_by_id(2).one(&transaction).await;
        let wells = wells.unwrap().unwrap();
        wells.cascade_delete(&transaction).await.unwrap();
        assert_eq!(book::Entity::find().count(&transaction).await.unwrap(), 2);
        transaction.rollback().await.unwrap();
        assert_eq!(book::Entity::find().count(db).await.unwrap(), 4);
    })
    .await;
}

async fn clears_a_self_reference_on_delete(world: &World) {
    inside_acme(world, async |db| {
        let poe = author::ActiveModel::builder()
            .set_name("Poe")
            .add_pupil(author::ActiveModel::builder().set_name("Doyle"))
            .save(db)
            .await
            .unwrap();
        let doyle = author::Entity::find_by_name("Doyle").order_by_asc(author::Column::Id);
        let read = doyle.clone().one(db).await.unwrap().unwrap();
        assert_eq!(read.mentor_id, Some(4));
        poe.delete(db).await.unwrap();
        let read = doyle.one(db).await.unwrap().unwrap();
        assert_eq!(read.mentor_id, None);
    })
    .await;
}
