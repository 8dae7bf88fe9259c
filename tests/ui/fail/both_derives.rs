mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::{TenantScoped, TenantShared};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantScoped, TenantShared)]
    #[sea_orm(table_name = "book", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation, TenantScoped)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {}
