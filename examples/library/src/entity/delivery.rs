//! What was loaded into a library, so that it is loaded once.

use sea_orm::entity::prelude::*;
use sea_orm_tenant::TenantScoped;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
#[sea_orm(table_name = "delivery", schema_name = "$tenant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub books: i32,
    pub arrived_at: i64,
}

impl ActiveModelBehavior for ActiveModel {}
