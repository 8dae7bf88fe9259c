mod author {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "author")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod book {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[sea_orm::compact_model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(table_name = "book", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub author_id: i32,
        pub author: HasOne<super::author::Entity>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation, TenantScoped)]
    pub enum Relation {}

    impl Related<super::author::Entity> for Entity {
        fn to() -> RelationDef {
            Entity::belongs_to(super::author::Entity)
                .from(Column::AuthorId)
                .to(super::author::Column::Id)
                .into()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {}
