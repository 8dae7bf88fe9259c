//! A book in somebody's hands, now or once.

use std::time::{SystemTime, UNIX_EPOCH};

use sea_orm::entity::prelude::*;
use sea_orm_tenant::TenantScoped;

/// Times are seconds since 1970, so that the example needs no calendar.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
#[sea_orm(table_name = "loan", schema_name = "$tenant")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[sea_orm(indexed)]
    pub book_id: i32,
    pub borrower: String,
    pub lent_at: i64,
    #[sea_orm(indexed)]
    pub due_on: i64,
    /// Nothing, as long as the book is out.
    pub returned_at: Option<i64>,
    /// Whether the borrower was told that the book is overdue.
    pub reminded: bool,
    #[sea_orm(belongs_to, from = "book_id", to = "id", on_delete = "Cascade")]
    pub book: HasOne<super::book::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}

/// The time, as the columns have it.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
