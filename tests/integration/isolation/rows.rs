//! What most tests here write and read: authors.

use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait as _,
    QueryOrder as _, Statement,
};

use crate::support::entities::author;

pub async fn add<C: ConnectionTrait>(db: &C, name: &str) -> Result<author::Model, DbErr> {
    let author = author::ActiveModel {
        name: Set(name.to_owned()),
        ..Default::default()
    };
    author.insert(db).await
}

pub async fn names<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    let authors = author::Entity::find()
        .order_by_asc(author::Column::Id)
        .all(db)
        .await?;
    Ok(authors.into_iter().map(|author| author.name).collect())
}

/// The first column of the first row, as text.
pub async fn ask<C: ConnectionTrait>(db: &C, sql: &str) -> Result<String, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?;
    row.expect("one row").try_get_by_index(0)
}

pub async fn count<C: ConnectionTrait>(db: &C, sql: &str) -> Result<i64, DbErr> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?;
    row.expect("one row").try_get_by_index(0)
}
