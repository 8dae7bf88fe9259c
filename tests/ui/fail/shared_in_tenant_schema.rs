mod currency {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantShared;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantShared)]
    #[sea_orm(table_name = "currency", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod country {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantShared;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantShared)]
    #[sea_orm(table_name = "$tenant.country")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_type = "custom(\"$tenant.climate\")")]
        pub climate: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {}
