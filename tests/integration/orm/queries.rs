//! Statements that people build with sea-query. Their tables say `Entity.table_ref()`: a bare
//! `Entity` renders no schema.

use sea_orm::{
    ConnectionTrait as _, EntityName as _, EntityTrait as _, JoinType, Order, QueryFilter as _,
    QuerySelect as _, QueryTrait as _, SelectExt as _, TransactionTrait as _,
    sea_query::{
        Alias, CommonTableExpression, Expr, ExprTrait as _, Query, SelectStatement, UnionType,
        WithClause,
    },
};

use super::inside::{Db, exactly, inside_acme, only};
use crate::support::{
    Server, World,
    entities::{author, book, book_tag, genre, review},
    on_every_database,
};

on_every_database!(
    asks_whether_a_row_exists,
    filters_by_a_sub_query,
    filters_by_what_exists,
    unites_two_selects,
    names_a_common_table_expression,
    recurses_in_a_common_table_expression,
    joins_its_own_table_with_a_shared_one,
    selects_from_a_sub_query,
    inserts_updates_and_deletes_by_hand,
    inserts_what_it_selects,
    locks_its_own_rows,
    writes_expressions_that_name_the_tenant,
);

async fn column(db: &Db, select: &SelectStatement) -> Vec<String> {
    let rows = db.query_all(select).await.unwrap();
    let first = |row: &sea_orm::QueryResult| row.try_get_by_index(0).unwrap();
    rows.iter().map(first).collect()
}

async fn asks_whether_a_row_exists(world: &World) {
    let sql = inside_acme(world, async |db| {
        let verne = author::Entity::find().filter(author::COLUMN.name.eq("Verne"));
        assert!(verne.exists(db).await.unwrap());
        let others = author::Entity::find().filter(author::COLUMN.name.eq("GLOBEX Verne"));
        assert!(!others.exists(db).await.unwrap());
    })
    .await;
    let expected = exactly(
        world,
        r#"SELECT 1 FROM {acme}."author" WHERE "author"."name" = $1"#,
        "SELECT 1 FROM {acme}.`author` WHERE `author`.`name` = ?",
        r#"SELECT 1 FROM "main"."author" WHERE "author"."name" = ?"#,
    );
    assert_eq!(sql[0], expected);
}

async fn filters_by_a_sub_query(world: &World) {
    let sql = inside_acme(world, async |db| {
        let reviewed = review::Entity::find()
            .select_only()
            .column(review::Column::BookId)
            .into_query();
        let found = book::Entity::find()
            .filter(book::COLUMN.id.in_subquery(reviewed.clone()))
            .order_by_id_asc()
            .all(db)
            .await
            .unwrap();
        let titles: Vec<_> = found.iter().map(|book| book.title.as_str()).collect();
        assert_eq!(titles, ["Nautilus", "Time Machine"]);
        let others = book::Entity::find().filter(book::COLUMN.id.not_in_subquery(reviewed));
        assert_eq!(others.all(db).await.unwrap().len(), 2);
    })
    .await;
    let expected = exactly(
        world,
        r#"FROM {acme}."book" WHERE "book"."id" IN (SELECT "review"."book_id" FROM {acme}."review") ORDER BY"#,
        "FROM {acme}.`book` WHERE `book`.`id` IN (SELECT `review`.`book_id` FROM {acme}.`review`) ORDER BY",
        r#"FROM "main"."book" WHERE "book"."id" IN (SELECT "review"."book_id" FROM "main"."review") ORDER BY"#,
    );
    assert!(sql[0].contains(&expected), "{sql:#?}");
}

async fn filters_by_what_exists(world: &World) {
    inside_acme(world, async |db| {
        let of_this_author = Query::select()
            .expr(Expr::val(1))
            .from(book::Entity.table_ref())
            .and_where(
                Expr::col((book::Entity, book::Column::AuthorId))
                    .equals((author::Entity, author::Column::Id)),
            )
            .take();
        let idle = Query::select()
            .column((author::Entity, author::Column::Name))
            .from(author::Entity.table_ref())
            .and_where(Expr::exists(of_this_author).not())
            .take();
        assert_eq!(column(db, &idle).await, ["Lem"]);
    })
    .await;
}

async fn unites_two_selects(world: &World) {
    inside_acme(world, async |db| {
        let genres = Query::select()
            .column(genre::Column::Label)
            .from(genre::Entity.table_ref())
            .take();
        let united = Query::select()
            .expr_as(Expr::col(author::Column::Name), Alias::new("word"))
            .from(author::Entity.table_ref())
            .union(UnionType::All, genres)
            .order_by(Alias::new("word"), Order::Asc)
            .take();
        let expected = ["Fiction", "Lem", "Travel", "Verne", "Wells"];
        assert_eq!(column(db, &united).await, expected);
    })
    .await;
}

async fn names_a_common_table_expression(world: &World) {
    let sql = inside_acme(world, async |db| {
        let busy = CommonTableExpression::new()
            .table_name(Alias::new("busy"))
            .column(Alias::new("author_id"))
            .query(
                Query::select()
                    .column(book::Column::AuthorId)
                    .from(book::Entity.table_ref())
                    .group_by_col(book::Column::AuthorId)
                    .take(),
            )
            .to_owned();
        let query = Query::select()
            .column((author::Entity, author::Column::Name))
            .from(author::Entity.table_ref())
            .join(
                JoinType::InnerJoin,
                Alias::new("busy"),
                Expr::col((Alias::new("busy"), Alias::new("author_id")))
                    .equals((author::Entity, author::Column::Id)),
            )
            .order_by((author::Entity, author::Column::Name), Order::Asc)
            .take()
            .with(WithClause::new().cte(busy).to_owned());
        let rows = db.query_all(&query).await.unwrap();
        let names: Vec<String> = rows
            .iter()
            .map(|r| r.try_get_by_index(0).unwrap())
            .collect();
        assert_eq!(names, ["Verne", "Wells"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"WITH "busy" ("author_id") AS (SELECT "author_id" FROM {acme}."book" GROUP BY "author_id") SELECT "author"."name" FROM {acme}."author" INNER JOIN "busy" ON "busy"."author_id" = "author"."id" ORDER BY "author"."name" ASC"#,
        "WITH `busy` (`author_id`) AS (SELECT `author_id` FROM {acme}.`book` GROUP BY `author_id`) SELECT `author`.`name` FROM {acme}.`author` INNER JOIN `busy` ON `busy`.`author_id` = `author`.`id` ORDER BY `author`.`name` ASC",
        r#"WITH "busy" ("author_id") AS (SELECT "author_id" FROM "main"."book" GROUP BY "author_id") SELECT "author"."name" FROM "main"."author" INNER JOIN "busy" ON "busy"."author_id" = "author"."id" ORDER BY "author"."name" ASC"#,
    );
    assert_eq!(only(sql), expected);
}

async fn recurses_in_a_common_table_expression(world: &World) {
    inside_acme(world, async |db| {
        let (line, mentor) = (Alias::new("line"), Alias::new("mentor_id"));
        let step = Query::select()
            .columns([author::Column::Name, author::Column::MentorId].map(|c| (author::Entity, c)))
            .from(author::Entity.table_ref())
            .join(
                JoinType::InnerJoin,
                line.clone(),
                Expr::col((line.clone(), mentor.clone()))
                    .equals((author::Entity, author::Column::Id)),
            )
            .take();
        let from_lem = Query::select()
            .columns([author::Column::Name, author::Column::MentorId])
            .from(author::Entity.table_ref())
            .and_where(author::COLUMN.id.eq(3))
            .union(UnionType::All, step)
            .take();
        let expression = CommonTableExpression::new()
            .table_name(line.clone())
            .columns([Alias::new("name"), mentor])
            .query(from_lem)
            .to_owned();
        let query = Query::select()
            .column(Alias::new("name"))
            .from(line)
            .take()
            .with(WithClause::new().recursive(true).cte(expression).to_owned());
        let rows = db.query_all(&query).await.unwrap();
        let names: Vec<String> = rows
            .iter()
            .map(|r| r.try_get_by_index(0).unwrap())
            .collect();
        assert_eq!(names, ["Lem", "Wells", "Verne"]);
    })
    .await;
}

async fn joins_its_own_table_with_a_shared_one(world: &World) {
    let sql = inside_acme(world, async |db| {
        let select = Query::select()
            .column((book::Entity, book::Column::Title))
            .from(book::Entity.table_ref())
            .join(
                JoinType::InnerJoin,
                genre::Entity.table_ref(),
                Expr::col((book::Entity, book::Column::GenreId))
                    .equals((genre::Entity, genre::Column::Id)),
            )
            .and_where(Expr::col((genre::Entity, genre::Column::Label)).eq("Travel"))
            .take();
        assert_eq!(column(db, &select).await, ["Balloon"]);
    })
    .await;
    let expected = exactly(
        world,
        r#"SELECT "book"."title" FROM {acme}."book" INNER JOIN "genre" ON "book"."genre_id" = "genre"."id" WHERE "genre"."label" = $1"#,
        "SELECT `book`.`title` FROM {acme}.`book` INNER JOIN `genre` ON `book`.`genre_id` = `genre`.`id` WHERE `genre`.`label` = ?",
        r#"SELECT "book"."title" FROM "main"."book" INNER JOIN "genre" ON "book"."genre_id" = "genre"."id" WHERE "genre"."label" = ?"#,
    );
    assert_eq!(only(sql), expected);
}

async fn selects_from_a_sub_query(world: &World) {
    inside_acme(world, async |db| {
        let inner = book::Entity::find().filter(book::COLUMN.author_id.eq(2));
        let select = Query::select()
            .column(Alias::new("title"))
            .from_subquery(inner.into_query(), Alias::new("wells"))
            .order_by(Alias::new("title"), Order::Asc)
            .take();
        assert_eq!(column(db, &select).await, ["Invisible", "Time Machine"]);
    })
    .await;
}

async fn inserts_updates_and_deletes_by_hand(world: &World) {
    let sql = inside_acme(world, async |db| {
        let insert = Query::insert()
            .into_table(author::Entity.table_ref())
            .columns([author::Column::Name])
            .values_panic(["Poe".into()])
            .take();
        assert_eq!(db.execute(&insert).await.unwrap().rows_affected(), 1);
        let update = Query::update()
            .table(author::Entity.table_ref())
            .value(author::Column::Name, "Edgar")
            .and_where(author::COLUMN.id.eq(4))
            .take();
        assert_eq!(db.execute(&update).await.unwrap().rows_affected(), 1);
        let delete = Query::delete()
            .from_table(author::Entity.table_ref())
            .and_where(author::COLUMN.name.eq("Edgar"))
            .take();
        assert_eq!(db.execute(&delete).await.unwrap().rows_affected(), 1);
    })
    .await;
    let expected = exactly(
        world,
        r#"UPDATE {acme}."author" SET "name" = $1 WHERE "author"."id" = $2"#,
        "UPDATE {acme}.`author` SET `name` = ? WHERE `author`.`id` = ?",
        r#"UPDATE "main"."author" SET "name" = ? WHERE "author"."id" = ?"#,
    );
    assert_eq!(sql[1], expected);
}

async fn inserts_what_it_selects(world: &World) {
    inside_acme(world, async |db| {
        let future = Query::select()
            .expr(Expr::col(book::Column::Id))
            .expr(Expr::val(4))
            .from(book::Entity.table_ref())
            .take();
        let insert = Query::insert()
            .into_table(book_tag::Entity.table_ref())
            .columns([book_tag::Column::BookId, book_tag::Column::TagId])
            .select_from(future)
            .unwrap()
            .take();
        assert_eq!(db.execute(&insert).await.unwrap().rows_affected(), 4);
    })
    .await;
}

async fn locks_its_own_rows(world: &World) {
    let sql = inside_acme(world, async |db| {
        let transaction = db.begin().await.unwrap();
        let locked = author::Entity::find_by_id(1)
            .lock_exclusive()
            .one(&transaction);
        assert_eq!(locked.await.unwrap().unwrap().name, "Verne");
        transaction.commit().await.unwrap();
    })
    .await;
    // SQLite locks the file.
    assert_eq!(
        only(sql).ends_with("FOR UPDATE"),
        world.server != Server::Sqlite
    );
}

/// A custom expression is text to sea-query, and is qualified with the rest of the statement.
async fn writes_expressions_that_name_the_tenant(world: &World) {
    inside_acme(world, async |db| {
        let select = Query::select()
            .column(author::Column::Name)
            .from(author::Entity.table_ref())
            .and_where(Expr::cust("(SELECT count(*) FROM $tenant.book) = 4"))
            .order_by(author::Column::Id, Order::Asc)
            .take();
        assert_eq!(column(db, &select).await, ["Verne", "Wells", "Lem"]);

        // With values, `$` is sea-query's on PostgreSQL; in quotes the name is left to us.
        let counted = match world.server {
            Server::Postgres => r#"(SELECT count(*) FROM "$tenant".book) = $1"#,
            _ => "(SELECT count(*) FROM $tenant.book) = ?",
        };
        let select = Query::select()
            .column(author::Column::Name)
            .from(author::Entity.table_ref())
            .and_where(Expr::cust_with_values(counted, [4]))
            .take();
        assert_eq!(column(db, &select).await.len(), 3);
    })
    .await;
}
