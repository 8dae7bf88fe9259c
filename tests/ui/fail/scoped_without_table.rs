mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[derive(Copy, Clone, Default, Debug, DeriveEntity)]
    pub struct Entity;

    impl EntityName for Entity {
        fn table_name(&self) -> &'static str {
            "book"
        }
    }

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation, TenantScoped)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {}
