//! Row by row.

use futures_util::{StreamExt as _, TryStreamExt as _};
use sea_orm::{
    EntityName as _, EntityTrait as _, Order, QueryOrder as _, QueryResult, StreamTrait as _,
    TransactionTrait as _, sea_query::Query,
};

use super::inside::{exactly, inside_acme, only};
use crate::support::{
    World,
    entities::{author, book},
    on_every_database,
};

on_every_database!(
    streams_its_own_rows,
    streams_related_rows,
    streams_in_a_transaction,
    streams_a_hand_built_statement,
    streams_on_a_tenancys_connection,
    a_stream_that_is_dropped_half_way_leaves_a_usable_connection,
);

async fn streams_its_own_rows(world: &World) {
    let sql = inside_acme(world, async |db| {
        let authors = author::Entity::find().order_by_id_asc();
        let stream = authors.stream(db).await.unwrap();
        let authors: Vec<_> = stream.try_collect().await.unwrap();
        let names: Vec<_> = authors.into_iter().map(|author| author.name).collect();
        assert_eq!(names, ["Verne", "Wells", "Lem"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"SELECT "author"."id", "author"."name", "author"."mentor_id" FROM {acme}."author" ORDER BY "author"."id" ASC"#,
        "SELECT `author`.`id`, `author`.`name`, `author`.`mentor_id` FROM {acme}.`author` ORDER BY `author`.`id` ASC",
        r#"SELECT "author"."id", "author"."name", "author"."mentor_id" FROM "main"."author" ORDER BY "author"."id" ASC"#,
    );
    assert_eq!(only(sql), expected);
}

async fn streams_related_rows(world: &World) {
    inside_acme(world, async |db| {
        let query = book::Entity::find()
            .find_also_related(author::Entity)
            .order_by_asc(book::Column::Id);
        let stream = query.stream(db).await.unwrap();
        let pairs: Vec<_> = stream.try_collect().await.unwrap();
        assert_eq!(pairs.len(), 4);
        assert_eq!(pairs[3].1.as_ref().unwrap().name, "Wells");
    })
    .await;
}

async fn streams_in_a_transaction(world: &World) {
    inside_acme(world, async |db| {
        let transaction = db.begin().await.unwrap();
        {
            let authors = author::Entity::find().order_by_id_asc();
            let stream = authors.stream(&transaction).await.unwrap();
            let authors: Vec<_> = stream.try_collect().await.unwrap();
            assert_eq!(authors.len(), 3);
        }
        let nested = transaction.begin().await.unwrap();
        {
            let mut stream = book::Entity::find().stream(&nested).await.unwrap();
            while let Some(book) = stream.next().await {
                assert!(!book.unwrap().title.starts_with("GLOBEX"));
            }
        }
        nested.commit().await.unwrap();
        transaction.commit().await.unwrap();
    })
    .await;
}

async fn streams_a_hand_built_statement(world: &World) {
    inside_acme(world, async |db| {
        let select = Query::select()
            .column(author::Column::Name)
            .from(author::Entity.table_ref())
            .order_by(author::Column::Id, Order::Asc)
            .take();
        let rows: Vec<_> = db.stream(&select).await.unwrap().collect().await;
        let name = |row: Result<QueryResult, _>| row.unwrap().try_get_by_index(0).unwrap();
        let names: Vec<String> = rows.into_iter().map(name).collect();
        assert_eq!(names, ["Verne", "Wells", "Lem"]);
    })
    .await;
}

async fn streams_on_a_tenancys_connection(world: &World) {
    let acme = world.acme().await;
    inside_acme(world, async |db| {
        let stream = author::Entity::find().stream(&acme).await.unwrap();
        assert_eq!(stream.count().await, 3);
        let transaction = acme.begin().await.unwrap();
        let stream = book::Entity::find().stream(&transaction).await.unwrap();
        assert_eq!(stream.count().await, 4);
        transaction.commit().await.unwrap();
        assert_eq!(author::Entity::find().all(db).await.unwrap().len(), 3);
    })
    .await;
}

async fn a_stream_that_is_dropped_half_way_leaves_a_usable_connection(world: &World) {
    inside_acme(world, async |db| {
        for _ in 0..5 {
            let mut stream = author::Entity::find().stream(db).await.unwrap();
            stream.next().await.unwrap().unwrap();
        }
        assert_eq!(author::Entity::find().all(db).await.unwrap().len(), 3);
    })
    .await;
}
