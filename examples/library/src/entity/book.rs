//! What is lent: one copy of each.

use sea_orm::entity::prelude::*;
use sea_orm_tenant::TenantScoped;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
#[sea_orm(table_name = "book", schema_name = "$tenant")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub title: String,
    #[sea_orm(indexed)]
    pub author_id: i32,
    pub genre_id: i32,
    /// When it came out, where that is known; before our era it is negative.
    pub year: Option<i32>,
    /// The language it was written in, as ISO 639 has it.
    pub language: String,
    /// How often it was lent, ever. Lending counts in the transaction that it is done in.
    pub times_lent: i32,
    #[sea_orm(belongs_to, from = "author_id", to = "id")]
    pub author: HasOne<super::author::Entity>,
    /// In a table that all libraries share. On SQLite that one is in another file, and the
    /// reference is not checked there.
    #[sea_orm(belongs_to, from = "genre_id", to = "id")]
    pub genre: HasOne<super::genre::Entity>,
    #[sea_orm(has_many)]
    pub loans: HasMany<super::loan::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
