//! SQL that people write. It names `$tenant`, or it is refused.

use futures_util::TryStreamExt as _;
use sea_orm::{
    ConnectionTrait, EntityTrait as _, FromQueryResult, JsonValue, PaginatorTrait as _, Statement,
    StreamTrait as _, TransactionTrait as _,
};

use super::inside::{exactly, inside_acme, only, rows_outside};
use crate::support::{
    Server, World,
    entities::{author, genre},
    on_every_database,
};

on_every_database!(
    executes_unprepared_sql,
    executes_a_statement,
    queries_one_and_all,
    streams_a_statement,
    finds_models_from_raw_sql,
    finds_structs_by_statement,
    finds_by_the_raw_sql_macro,
    pages_through_raw_sql,
    joins_a_shared_table_by_its_plain_name,
    leaves_literals_and_comments_alone,
    refuses_what_does_not_name_the_tenant,
    the_way_around_has_a_name,
);

/// With parameters as the server writes them.
fn statement(
    world: &World,
    sql: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Statement {
    let sql = match world.server {
        Server::Postgres => sql.replacen('?', "$1", 1).replacen('?', "$2", 1),
        _ => sql.to_owned(),
    };
    Statement::from_sql_and_values(world.server.backend(), sql, values)
}

async fn executes_unprepared_sql(world: &World) {
    inside_acme(world, async |db| {
        let sql = "INSERT INTO $tenant.author (name) VALUES ('Poe'), ('Doyle')";
        let done = db.execute_unprepared(sql).await.unwrap();
        assert_eq!(done.rows_affected(), 2);
        assert_eq!(author::Entity::find().count(db).await.unwrap(), 5);
    })
    .await;
}

async fn executes_a_statement(world: &World) {
    let sql = inside_acme(world, async |db| {
        let rename = "UPDATE $tenant.author SET name = ? WHERE id = ?";
        let rename = statement(world, rename, ["Jules".into(), 1.into()]);
        assert_eq!(db.execute_raw(rename).await.unwrap().rows_affected(), 1);
    })
    .await;
    let expected = exactly(
        world,
        "UPDATE {acme}.author SET name = $1 WHERE id = $2",
        "UPDATE {acme}.author SET name = ? WHERE id = ?",
        r#"UPDATE "main".author SET name = ? WHERE id = ?"#,
    );
    assert_eq!(only(sql), expected);
}

async fn queries_one_and_all(world: &World) {
    inside_acme(world, async |db| {
        let one = "SELECT count(*) FROM $tenant.author WHERE name LIKE ?";
        let one = statement(world, one, ["%e%".into()]);
        let row = db.query_one_raw(one).await.unwrap().unwrap();
        let count: i64 = row.try_get_by_index(0).unwrap();
        assert_eq!(count, 3);
        let all = statement(world, "SELECT name FROM $tenant.author ORDER BY id", []);
        let rows = db.query_all_raw(all).await.unwrap();
        let names: Vec<String> = rows
            .iter()
            .map(|r| r.try_get("", "name").unwrap())
            .collect();
        assert_eq!(names, ["Verne", "Wells", "Lem"]);
    })
    .await;
}

async fn streams_a_statement(world: &World) {
    inside_acme(world, async |db| {
        let all = statement(
            world,
            "SELECT name FROM $tenant.author WHERE id < ?",
            [3.into()],
        );
        let rows: Vec<_> = db
            .stream_raw(all)
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(rows.len(), 2);
        let transaction = db.begin().await.unwrap();
        let all = statement(world, "SELECT name FROM $tenant.author", []);
        let rows = transaction
            .stream_raw(all)
            .await
            .unwrap()
            .try_collect::<Vec<_>>();
        assert_eq!(rows.await.unwrap().len(), 3);
        transaction.commit().await.unwrap();
    })
    .await;
}

async fn finds_models_from_raw_sql(world: &World) {
    inside_acme(world, async |db| {
        let sql = "SELECT id, name, mentor_id FROM $tenant.author WHERE name = ?";
        let wells = author::Entity::find()
            .from_raw_sql(statement(world, sql, ["Wells".into()]))
            .one(db)
            .await
            .unwrap();
        assert_eq!(wells.unwrap().mentor_id, Some(1));
        let everything = statement(world, "SELECT * FROM $tenant.author ORDER BY id", []);
        let json = author::Entity::find().from_raw_sql(everything).into_json();
        assert_eq!(json.all(db).await.unwrap()[2]["name"], "Lem");
    })
    .await;
}

#[derive(Debug, FromQueryResult)]
struct Count {
    author: String,
    books: i64,
}

async fn finds_structs_by_statement(world: &World) {
    inside_acme(world, async |db| {
        let sql = "SELECT a.name AS author, count(*) AS books FROM $tenant.author a \
                   JOIN $tenant.book b ON b.author_id = a.id GROUP BY a.name ORDER BY a.name";
        let counts = Count::find_by_statement(statement(world, sql, []));
        let counts = counts.all(db).await.unwrap();
        assert_eq!(counts.len(), 2);
        assert_eq!((counts[1].author.as_str(), counts[1].books), ("Wells", 2));
    })
    .await;
}

async fn finds_by_the_raw_sql_macro(world: &World) {
    inside_acme(world, async |db| {
        let ids = [2, 3];
        let select = match world.server {
            Server::Postgres => sea_orm::raw_sql!(
                Postgres,
                "SELECT id, name, mentor_id FROM $tenant.author WHERE id IN ({..ids}) ORDER BY id"
            ),
            Server::MySql => sea_orm::raw_sql!(
                MySql,
                "SELECT id, name, mentor_id FROM $tenant.author WHERE id IN ({..ids}) ORDER BY id"
            ),
            Server::Sqlite => sea_orm::raw_sql!(
                Sqlite,
                "SELECT id, name, mentor_id FROM $tenant.author WHERE id IN ({..ids}) ORDER BY id"
            ),
        };
        let found = author::Entity::find().from_raw_sql(select).all(db).await;
        let names: Vec<_> = found
            .unwrap()
            .into_iter()
            .map(|author| author.name)
            .collect();
        assert_eq!(names, ["Wells", "Lem"]);
    })
    .await;
}

async fn pages_through_raw_sql(world: &World) {
    inside_acme(world, async |db| {
        // SeaORM makes it a part of a statement of its own, in which an unquoted `$` is sea-query's.
        let schema = match world.server {
            Server::MySql => "`$tenant`",
            _ => "\"$tenant\"",
        };
        let sql =
            format!("SELECT id, name, mentor_id FROM {schema}.author WHERE id > ? ORDER BY id");
        let raw = author::Entity::find().from_raw_sql(statement(world, &sql, [1.into()]));
        let pages = raw.paginate(db, 1);
        assert_eq!(pages.num_items().await.unwrap(), 2);
        assert_eq!(pages.fetch_page(1).await.unwrap()[0].name, "Lem");
    })
    .await;
}

async fn joins_a_shared_table_by_its_plain_name(world: &World) {
    inside_acme(world, async |db| {
        let sql = "SELECT g.label FROM $tenant.book b JOIN genre g ON g.id = b.genre_id \
                   WHERE b.title = ?";
        let row = db
            .query_one_raw(statement(world, sql, ["Balloon".into()]))
            .await;
        let label: String = row.unwrap().unwrap().try_get("", "label").unwrap();
        assert_eq!(label, "Travel");
    })
    .await;
}

async fn leaves_literals_and_comments_alone(world: &World) {
    // Not through `inside_acme`, which wants no `$tenant` anywhere.
    let acme = world.acme().await;
    let sql = "SELECT '$tenant.book' AS said /* $tenant.book */ FROM $tenant.author UNION ALL \
               SELECT '$tenant.book' -- \"$tenant\"";
    let row = acme.query_one_raw(statement(world, sql, [])).await;
    let said: String = row.unwrap().unwrap().try_get("", "said").unwrap();
    assert_eq!(said, "$tenant.book");
}

async fn refuses_what_does_not_name_the_tenant(world: &World) {
    inside_acme(world, async |db| {
        let refused = |outcome: Result<(), sea_orm::DbErr>| {
            let text = outcome.unwrap_err().to_string();
            assert!(text.contains("does not name `$tenant`"), "{text}");
        };
        let select = || statement(world, "SELECT id, name, mentor_id FROM author", []);
        let delete = "DELETE FROM book_tag";
        refused(db.execute_unprepared(delete).await.map(drop));
        refused(db.execute_raw(statement(world, delete, [])).await.map(drop));
        refused(db.query_one_raw(select()).await.map(drop));
        refused(db.query_all_raw(select()).await.map(drop));
        refused(db.stream_raw(select()).await.map(drop));
        let raw = || author::Entity::find().from_raw_sql(select());
        refused(raw().all(db).await.map(drop));
        refused(raw().one(db).await.map(drop));
        refused(raw().stream(db).await.map(drop));
        refused(
            JsonValue::find_by_statement(select())
                .all(db)
                .await
                .map(drop),
        );

        let transaction = db.begin().await.unwrap();
        refused(transaction.execute_unprepared(delete).await.map(drop));
        refused(transaction.query_all_raw(select()).await.map(drop));
        refused(transaction.stream_raw(select()).await.map(drop));
        // It was not the server who refused: the transaction goes on.
        assert_eq!(author::Entity::find().count(&transaction).await.unwrap(), 3);
        transaction.commit().await.unwrap();
    })
    .await;
}

async fn the_way_around_has_a_name(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let before = rows_outside(world).await;
    let outside = acme.unscoped_raw();
    let one = statement(world, "SELECT 1 AS one", []);
    assert!(outside.query_one_raw(one).await.unwrap().is_some());
    assert_eq!(genre::Entity::find().count(outside).await.unwrap(), 2);
    // No schema is called `$tenant`: the placeholder never means somebody.
    author::Entity::find().all(outside).await.unwrap_err();
    author::Entity::delete_many()
        .exec(outside)
        .await
        .unwrap_err();
    assert_eq!(rows_outside(world).await, before);
}
