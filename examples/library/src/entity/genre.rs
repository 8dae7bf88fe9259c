//! Shared by all libraries: its table is in no library's schema.

use sea_orm::entity::prelude::*;
use sea_orm_tenant::TenantShared;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantShared)]
#[sea_orm(table_name = "genre")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    #[sea_orm(unique)]
    pub label: String,
}

impl ActiveModelBehavior for ActiveModel {}
