mod country {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantShared;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantShared)]
    #[sea_orm(table_name = "country")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(has_many)]
        pub authors: HasMany<super::author::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod author {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(table_name = "author", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub country_id: Option<i32>,
        #[sea_orm(belongs_to, from = "country_id", to = "id")]
        pub country: BelongsTo<Option<super::country::Entity>>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {}
