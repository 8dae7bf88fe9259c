//! Statements that write rows, and that make and change tables.

use fastrand::Rng;
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait as _, DbBackend, EntityName as _, EntityTrait as _, ModelTrait as _,
    QueryFilter as _, QuerySelect as _, QueryTrait as _, Schema,
    sea_query::{Expr, ExprTrait as _, OnConflict, Query, Table},
};

use super::{Database, Running, Shape, condition, hostile};
use crate::support::entities::{author, book, book_tag, genre, review, tag};

pub fn shapes<C: Database>() -> Vec<Shape<C>> {
    vec![
        ("insert", insert),
        ("insert and return", insert_and_return),
        ("insert many", insert_many),
        ("insert or leave", insert_or_leave),
        ("insert or update", insert_or_update),
        ("insert what is selected", insert_what_is_selected),
        ("insert a shared row", insert_a_shared_row),
        ("save", save),
        ("update", update),
        ("update many", update_many),
        ("update and return", update_and_return),
        ("update from a sub-query", update_from_a_sub_query),
        ("delete", delete),
        ("delete many", delete_many),
        ("delete by id", delete_by_id),
        ("delete what is selected", delete_what_is_selected),
        ("create table", create_table),
        ("drop table", drop_table),
    ]
}

fn an_author(random: &mut Rng) -> author::ActiveModel {
    author::ActiveModel {
        id: Set(random.i32(..)),
        name: Set(hostile(random)),
        mentor_id: Set(None),
    }
}

fn some_authors(random: &mut Rng) -> Vec<author::ActiveModel> {
    (0..random.u8(1..5)).map(|_| an_author(random)).collect()
}

fn insert<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        if random.bool() {
            return an_author(random).insert(db).await.map(drop);
        }
        let review = review::ActiveModel {
            id: Set(1),
            book_id: Set(1),
            mood: Set(review::Mood::Sad),
            text: Set(hostile(random)),
        };
        review.insert(db).await.map(drop)
    })
}

fn insert_and_return<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let insert = author::Entity::insert(an_author(random));
        insert.exec_with_returning(db).await.map(drop)
    })
}

fn insert_many<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let insert = author::Entity::insert_many(some_authors(random));
        match random.bool() {
            true => insert.exec(db).await.map(drop),
            false => insert.exec_without_returning(db).await.map(drop),
        }
    })
}

fn insert_or_leave<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let leave = OnConflict::column(author::Column::Id)
            .do_nothing_on([author::Column::Id])
            .to_owned();
        let insert = author::Entity::insert_many(some_authors(random)).on_conflict(leave);
        insert.exec_without_returning(db).await.map(drop)
    })
}

fn insert_or_update<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let mut update = OnConflict::column(author::Column::Id);
        update.update_columns([author::Column::Name]);
        if random.bool() {
            update.value(author::Column::Name, Expr::Constant(hostile(random).into()));
        }
        let insert = author::Entity::insert(an_author(random)).on_conflict(update);
        insert.exec(db).await.map(drop)
    })
}

fn insert_what_is_selected<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let select = Query::select()
            .column(book::Column::Id)
            .expr(Expr::Constant(1.into()))
            .from(book::Entity.table_ref())
            .and_where(condition(random, Expr::col(book::Column::Title)))
            .take();
        let insert = Query::insert()
            .into_table(book_tag::Entity.table_ref())
            .columns([book_tag::Column::BookId, book_tag::Column::TagId])
            .select_from(select)
            .unwrap()
            .take();
        db.execute(&insert).await.map(drop)
    })
}

fn insert_a_shared_row<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let genre = genre::ActiveModel {
            id: Set(random.i32(..)),
            label: Set(hostile(random)),
        };
        genre.insert(db).await.map(drop)
    })
}

fn save<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move { an_author(random).save(db).await.map(drop) })
}

fn update<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move { an_author(random).update(db).await.map(drop) })
}

fn update_many<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let update = book::Entity::update_many()
            .col_expr(book::Column::Title, Expr::Constant(hostile(random).into()))
            .filter(condition(random, book::Column::Title.into_expr()));
        update.exec(db).await.map(drop)
    })
}

fn update_and_return<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        if db.support_returning() {
            let update = author::Entity::update_many().set(an_author(random));
            return update.exec_with_returning(db).await.map(drop);
        }
        author::Entity::update(an_author(random))
            .exec(db)
            .await
            .map(drop)
    })
}

/// Ids of books that have a review.
fn reviewed(random: &mut Rng) -> sea_orm::sea_query::SelectStatement {
    review::Entity::find()
        .select_only()
        .column(review::Column::BookId)
        .filter(condition(random, review::Column::Text.into_expr()))
        .into_query()
}

fn update_from_a_sub_query<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let named = author::Entity::find()
            .select_only()
            .column(author::Column::Name)
            .into_query();
        let update = Query::update()
            .table(book::Entity.table_ref())
            .value(
                book::Column::Title,
                Expr::SubQuery(
                    None,
                    Box::new(sea_orm::sea_query::SubQueryStatement::SelectStatement(
                        named,
                    )),
                ),
            )
            .and_where(Expr::col(book::Column::Id).in_subquery(reviewed(random)))
            .take();
        db.execute(&update).await.map(drop)
    })
}

fn delete<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let tag = tag::Model {
            id: random.i32(..),
            word: hostile(random),
        };
        tag.delete(db).await.map(drop)
    })
}

fn delete_many<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let delete = book::Entity::delete_many();
        let delete = delete.filter(condition(random, book::Column::Title.into_expr()));
        match db.support_returning() && random.bool() {
            true => delete.exec_with_returning(db).await.map(drop),
            false => delete.exec(db).await.map(drop),
        }
    })
}

fn delete_by_id<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let delete = book_tag::Entity::delete_by_id((random.i32(..), random.i32(..)));
        delete.exec(db).await.map(drop)
    })
}

fn delete_what_is_selected<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let delete = Query::delete()
            .from_table(book::Entity.table_ref())
            .and_where(Expr::col(book::Column::Id).in_subquery(reviewed(random)))
            .take();
        db.execute(&delete).await.map(drop)
    })
}

fn create_table<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let backend = sea_orm::ConnectionTrait::get_database_backend(db);
        let schema = Schema::new(backend);
        // With references on PostgreSQL alone: elsewhere sea-query names no schema in them, and
        // tables are made by the builder of `TenantConnection`.
        let table = match random.u8(..3) {
            1 if backend == DbBackend::Postgres => {
                schema.create_table_from_entity(book_tag::Entity)
            }
            2 if backend == DbBackend::Postgres => schema.create_table_from_entity(author::Entity),
            _ => schema.create_table_from_entity(tag::Entity),
        };
        db.execute(&table).await.map(drop)
    })
}

fn drop_table<'a, C: Database>(random: &'a mut Rng, db: &'a C) -> Running<'a> {
    Box::pin(async move {
        let backend = sea_orm::ConnectionTrait::get_database_backend(db);
        let statement = match random.bool() && backend != DbBackend::Sqlite {
            true => Table::truncate().table(tag::Entity.table_ref()).take(),
            false => {
                let drop = Table::drop()
                    .table(book::Entity.table_ref())
                    .if_exists()
                    .take();
                return db.execute(&drop).await.map(std::mem::drop);
            }
        };
        db.execute(&statement).await.map(drop)
    })
}
