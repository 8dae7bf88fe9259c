//! Statements that read.

use fastrand::Rng;
use sea_orm::{
    ColumnTrait as _, EntityName as _, EntityTrait as _, JoinType, LoaderTrait as _,
    ModelTrait as _, Order, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, QueryTrait as _, RelationTrait as _, SelectExt as _, Statement,
    sea_query::{
        Alias, CommonTableExpression, Expr, ExprTrait as _, LockBehavior, LockType, Query,
        SelectStatement, SubQueryStatement, UnionType, WindowStatement, WithClause,
    },
};

use super::{Database, Running, Shape, condition, hostile};
use crate::support::entities::{SameAuthor, author, book, book_tag, genre, review, tag};

pub fn shapes<C: Database>() -> Vec<Shape<C>> {
    vec![
        ("all", all),
        ("by id", by_id),
        ("exists", exists),
        ("count", count),
        ("page", page),
        ("cursor", cursor),
        ("aggregate", aggregate),
        ("also related", also_related),
        ("with related", with_related),
        ("also linked", also_linked),
        ("related to a model", related_to_a_model),
        ("joined", joined),
        ("joined under another name", joined_under_another_name),
        ("load one", load_one),
        ("load many", load_many),
        ("load many to many", load_many_to_many),
        ("load with", load_with),
        ("stream", stream),
        ("locked", locked),
        ("in a sub-query", in_a_sub_query),
        ("where it exists", where_it_exists),
        ("of a sub-query", of_a_sub_query),
        ("a scalar", a_scalar),
        ("lateral", lateral),
        ("united", united),
        ("common table expression", common_table_expression),
        ("recursive", recursive),
        ("window", window),
        ("case", case),
        ("custom expression", custom_expression),
        ("enum", of_an_enum),
        ("raw", raw),
        ("raw, typed", raw_typed),
    ]
}

const JOINS: [JoinType; 3] = [JoinType::InnerJoin, JoinType::LeftJoin, JoinType::RightJoin];

fn join(random: &mut Rng) -> JoinType {
    JOINS[random.usize(..JOINS.len())]
}

/// Books with some conditions, in some order, and some of them.
fn some_books(random: &mut Rng) -> sea_orm::Select<book::Entity> {
    let mut select = book::Entity::find();
    for _ in 0..random.u8(..3) {
        select = select.filter(condition(random, book::Column::Title.into_expr()));
    }
    if random.bool() {
        select = select.order_by_desc(book::Column::Title);
    }
    if random.bool() {
        select = select.limit(random.u64(1..9)).offset(random.u64(..9));
    }
    if random.bool() {
        select = select.distinct();
    }
    select
}

fn books(random: &mut Rng) -> Vec<book::Model> {
    let book = |id| book::Model {
        id,
        title: hostile(random),
        author_id: id,
        row: None,
        place: None,
        genre_id: Some(id),
    };
    (1..4).map(book).collect()
}

fn all<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        match random.u8(..5) {
            0 => drop(some_books(random).all(db).await?),
            1 => drop(author::Entity::find().all(db).await?),
            2 => drop(tag::Entity::find().all(db).await?),
            3 => drop(genre::Entity::find().all(db).await?),
            _ => drop(
                some_books(random)
                    .into_tuple::<(i32, String)>()
                    .all(db)
                    .await?,
            ),
        }
        Ok(())
    })
}

fn by_id<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        book_tag::Entity::find_by_id((random.i32(..), random.i32(..)))
            .one(db)
            .await?;
        Ok(())
    })
}

fn exists<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move { some_books(random).exists(db).await.map(drop) })
}

fn count<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move { some_books(random).count(db).await.map(drop) })
}

fn page<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let related = some_books(random).find_also_related(author::Entity);
        let pages = related.paginate(db, random.u64(1..9));
        pages.fetch_page(random.u64(..9)).await?;
        pages.num_pages().await.map(drop)
    })
}

fn cursor<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let mut cursor = book::Entity::find().cursor_by((book::Column::Title, book::Column::Id));
        cursor.after((hostile(random), 1)).first(random.u64(1..9));
        cursor.all(db).await.map(drop)
    })
}

fn aggregate<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let select = author::Entity::find()
            .select_only()
            .column(author::Column::Name)
            .column_as(book::COLUMN.id.count(), "books")
            .column_as(book::COLUMN.id.max(), "last")
            .left_join(book::Entity)
            .group_by(author::Column::Name)
            .having(book::COLUMN.id.count().gt(random.i32(..)));
        select
            .into_tuple::<(String, i64, i32)>()
            .all(db)
            .await
            .map(drop)
    })
}

fn also_related<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        match random.u8(..3) {
            0 => drop(
                some_books(random)
                    .find_also_related(author::Entity)
                    .all(db)
                    .await?,
            ),
            1 => drop(
                some_books(random)
                    .find_also_related(genre::Entity)
                    .all(db)
                    .await?,
            ),
            _ => {
                let three = some_books(random).find_also_related(author::Entity);
                drop(three.find_also(book::Entity, genre::Entity).all(db).await?);
            }
        }
        Ok(())
    })
}

fn with_related<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        match random.u8(..3) {
            0 => drop(
                some_books(random)
                    .find_with_related(tag::Entity)
                    .all(db)
                    .await?,
            ),
            1 => drop(
                some_books(random)
                    .find_with_related(review::Entity)
                    .all(db)
                    .await?,
            ),
            _ => drop(
                author::Entity::find()
                    .find_with_related(book::Entity)
                    .all(db)
                    .await?,
            ),
        }
        Ok(())
    })
}

fn also_linked<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        match random.bool() {
            true => drop(
                some_books(random)
                    .find_also_linked(SameAuthor)
                    .all(db)
                    .await?,
            ),
            false => drop(
                some_books(random)
                    .find_with_linked(SameAuthor)
                    .all(db)
                    .await?,
            ),
        }
        Ok(())
    })
}

fn related_to_a_model<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let book = books(random).remove(0);
        match random.u8(..4) {
            0 => drop(book.find_related(author::Entity).one(db).await?),
            1 => drop(book.find_related(tag::Entity).all(db).await?),
            2 => drop(book.find_related(genre::Entity).all(db).await?),
            _ => drop(book.find_linked(SameAuthor).all(db).await?),
        }
        Ok(())
    })
}

fn joined<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let mut select = book::Entity::find().join(join(random), book::Relation::Author.def());
        if random.bool() {
            select = select.join(join(random), book::Relation::Genre.def());
        }
        if random.bool() {
            select = select.join(join(random), review::Relation::Book.def().rev());
        }
        let on = author::Column::Name.into_expr();
        select.filter(condition(random, on)).all(db).await.map(drop)
    })
}

fn joined_under_another_name<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        // Names that are tables of somebody.
        let name = ["author", "genre", "r0", "book_tag"][random.usize(..4)];
        let mentor = author::Relation::Mentor.def();
        let select = book::Entity::find()
            .join(join(random), book::Relation::Author.def())
            .join_as(join(random), mentor, Alias::new(format!("{name}_2")));
        select.all(db).await.map(drop)
    })
}

fn load_one<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        match random.bool() {
            true => drop(books(random).load_one(author::Entity, db).await?),
            false => drop(books(random).load_one(genre::Entity, db).await?),
        }
        Ok(())
    })
}

fn load_many<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let reviews = review::Entity::find();
        let reviews = reviews.filter(condition(random, review::Column::Text.into_expr()));
        books(random).load_many(reviews, db).await.map(drop)
    })
}

fn load_many_to_many<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let tags = tag::Entity::find().filter(condition(random, tag::Column::Word.into_expr()));
        let books = books(random);
        books
            .load_many_to_many(tags, book_tag::Entity, db)
            .await
            .map(drop)
    })
}

fn load_with<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let load = book::Entity::load()
            .with(author::Entity)
            .with(genre::Entity);
        let load = load.filter(condition(random, book::Column::Title.into_expr()));
        load.with(tag::Entity).all(db).await.map(drop)
    })
}

fn stream<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move { some_books(random).stream(db).await.map(drop) })
}

fn locked<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let select = book::Entity::find_by_id(random.i32(..));
        let select = match random.u8(..3) {
            0 => select.lock_exclusive(),
            1 => select.lock_shared(),
            _ => select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked),
        };
        select.one(db).await.map(drop)
    })
}

/// Ids of books that have a review, or a tag.
fn ids(random: &mut Rng) -> SelectStatement {
    match random.bool() {
        true => review::Entity::find()
            .select_only()
            .column(review::Column::BookId)
            .filter(condition(random, review::Column::Text.into_expr()))
            .into_query(),
        false => Query::select()
            .column((book_tag::Entity, book_tag::Column::BookId))
            .from(book_tag::Entity.table_ref())
            .inner_join(
                tag::Entity.table_ref(),
                Expr::col((tag::Entity, tag::Column::Id))
                    .equals((book_tag::Entity, book_tag::Column::TagId)),
            )
            .and_where(condition(
                random,
                Expr::col((tag::Entity, tag::Column::Word)),
            ))
            .take(),
    }
}

fn in_a_sub_query<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let select = book::Entity::find().filter(book::Column::Id.in_subquery(ids(random)));
        let select = match random.bool() {
            true => select.filter(book::Column::Id.not_in_subquery(ids(random))),
            false => select,
        };
        select.all(db).await.map(drop)
    })
}

fn where_it_exists<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let exists = Expr::exists(ids(random));
        let exists = if random.bool() { exists.not() } else { exists };
        some_books(random).filter(exists).all(db).await.map(drop)
    })
}

fn of_a_sub_query<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        // Called as a table of everybody's is.
        let name = ["found", "genre", "book"][random.usize(..3)];
        let select = Query::select()
            .expr(Expr::cust("1"))
            .from_subquery(some_books(random).into_query(), Alias::new(name))
            .take();
        db.query_all(&select).await.map(drop)
    })
}

fn a_scalar<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let scalar = Expr::SubQuery(
            None,
            Box::new(SubQueryStatement::SelectStatement(ids(random))),
        );
        let select = author::Entity::find()
            .select_only()
            .column(author::Column::Name);
        let select = select.expr_as(scalar, "found");
        select.into_tuple::<(String, i32)>().all(db).await.map(drop)
    })
}

fn lateral<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let select = Query::select()
            .expr(Expr::cust("1"))
            .from(author::Entity.table_ref())
            .join_lateral(
                JoinType::LeftJoin,
                some_books(random).into_query(),
                Alias::new("found"),
                Expr::cust("1 = 1"),
            )
            .take();
        db.query_all(&select).await.map(drop)
    })
}

fn united<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let kinds = [
            UnionType::All,
            UnionType::Distinct,
            UnionType::Except,
            UnionType::Intersect,
        ];
        let genres = Query::select()
            .column(genre::Column::Label)
            .from(genre::Entity.table_ref())
            .take();
        let mut united = Query::select()
            .column(author::Column::Name)
            .from(author::Entity.table_ref())
            .and_where(condition(random, Expr::col(author::Column::Name)))
            .union(kinds[random.usize(..4)], genres)
            .take();
        if random.bool() {
            let tags = Query::select()
                .column(tag::Column::Word)
                .from(tag::Entity.table_ref())
                .take();
            united.union(kinds[random.usize(..4)], tags);
        }
        db.query_all(&united).await.map(drop)
    })
}

fn common_table_expression<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let busy = CommonTableExpression::new()
            .table_name(Alias::new("busy"))
            .column(Alias::new("book_id"))
            .query(ids(random))
            .to_owned();
        let query = Query::select()
            .column((book::Entity, book::Column::Title))
            .from(book::Entity.table_ref())
            .join(
                join(random),
                Alias::new("busy"),
                Expr::col((Alias::new("busy"), Alias::new("book_id")))
                    .equals((book::Entity, book::Column::Id)),
            )
            .order_by((book::Entity, book::Column::Title), Order::Asc)
            .take()
            .with(WithClause::new().cte(busy).to_owned());
        db.query_all(&query).await.map(drop)
    })
}

fn recursive<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let (line, mentor) = (Alias::new("line"), Alias::new("mentor_id"));
        let step = Query::select()
            .column((author::Entity, author::Column::MentorId))
            .from(author::Entity.table_ref())
            .inner_join(
                line.clone(),
                Expr::col((line.clone(), mentor.clone()))
                    .equals((author::Entity, author::Column::Id)),
            )
            .take();
        let first = Query::select()
            .column(author::Column::MentorId)
            .from(author::Entity.table_ref())
            .and_where(condition(random, Expr::col(author::Column::Name)))
            .union(UnionType::All, step)
            .take();
        let expression = CommonTableExpression::new()
            .table_name(line.clone())
            .column(mentor.clone())
            .query(first)
            .to_owned();
        let query = Query::select().column(mentor).from(line).take();
        let with = WithClause::new().recursive(true).cte(expression).to_owned();
        db.query_all(&query.with(with)).await.map(drop)
    })
}

fn window<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let window = WindowStatement::partition_by((book::Entity, book::Column::AuthorId))
            .order_by((book::Entity, book::Column::Title), Order::Desc)
            .take();
        let select = Query::select()
            .column((book::Entity, book::Column::Title))
            .expr_window_as(Expr::cust("row_number()"), window, Alias::new("place"))
            .from(book::Entity.table_ref())
            .and_where(condition(
                random,
                Expr::col((book::Entity, book::Column::Title)),
            ))
            .take();
        db.query_all(&select).await.map(drop)
    })
}

fn case<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let name = Expr::col((author::Entity, author::Column::Name));
        let case = Expr::case(
            condition(random, name.clone()),
            Expr::Constant(hostile(random).into()),
        );
        let case = case.finally(Expr::SubQuery(
            None,
            Box::new(SubQueryStatement::SelectStatement(ids(random))),
        ));
        let select = author::Entity::find().select_only().expr_as(case, "found");
        select.into_tuple::<String>().all(db).await.map(drop)
    })
}

fn custom_expression<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let quote = match sea_orm::ConnectionTrait::get_database_backend(db) {
            sea_orm::DbBackend::MySql => '`',
            _ => '"',
        };
        let counted = format!("(SELECT count(*) FROM {quote}$tenant{quote}.review) > 1");
        some_books(random)
            .filter(Expr::cust(counted))
            .all(db)
            .await
            .map(drop)
    })
}

fn of_an_enum<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let mood = match random.bool() {
            true => review::Mood::Glad,
            false => review::Mood::Sad,
        };
        let select = review::Entity::find().filter(review::Column::Mood.eq(mood));
        select
            .filter(review::Column::Mood.is_in([mood]))
            .all(db)
            .await
            .map(drop)
    })
}

/// A literal as a person writes it.
fn literal(random: &mut Rng) -> String {
    let text = hostile(random).replace(['\\', '\''], "''");
    format!("'{text} '")
}

/// What SeaORM renders for it, and we replace: the bare spelling is told apart from a parameter by
/// us, and not by the parser that this is read with.
fn table(db: &impl Database, table: &str) -> String {
    match sea_orm::ConnectionTrait::get_database_backend(db) {
        sea_orm::DbBackend::MySql => format!("`$tenant`.`{table}`"),
        _ => format!("\"$tenant\".\"{table}\""),
    }
}

fn raw<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let (book, tag) = (table(db, "book"), table(db, "tag"));
        let (one, other) = (literal(random), literal(random));
        let sql = format!(
            "SELECT b.title FROM {book} AS b, {tag} AS t WHERE b.title <> {one} OR t.word = {other}"
        );
        let backend = sea_orm::ConnectionTrait::get_database_backend(db);
        db.query_all_raw(Statement::from_string(backend, sql))
            .await
            .map(drop)
    })
}

fn raw_typed<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let sql = format!(
            "SELECT * FROM {} WHERE title = {}",
            table(db, "book"),
            literal(random)
        );
        let backend = sea_orm::ConnectionTrait::get_database_backend(db);
        let statement = Statement::from_string(backend, sql);
        let select = book::Entity::find().from_raw_sql(statement);
        select
            .paginate(db, random.u64(1..9))
            .fetch_page(1)
            .await
            .map(drop)
    })
}
