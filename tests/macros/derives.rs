//! The derives, in each of the forms that SeaORM has for an entity. What they refuse is in
//! `tests/ui/fail`.
#![allow(unreachable_pub)]

use sea_orm::{DbBackend, EntityTrait, QueryTrait as _};
use sea_orm_tenant::{TenantDeclared, TenantRelations, TenantScoped, TenantShared};

fn is_scoped<E: EntityTrait + TenantScoped + TenantDeclared>(entity: E)
where
    E::Relation: TenantRelations,
{
    assert_eq!(entity.schema_name(), Some("$tenant"));
    let select = E::find().build(DbBackend::Postgres).to_string();
    assert!(select.contains(r#" FROM "$tenant".""#), "{select}");
}

fn is_shared<E: EntityTrait + TenantShared + TenantDeclared>(entity: E)
where
    E::Relation: TenantRelations,
{
    assert_ne!(entity.schema_name(), Some("$tenant"));
}

mod dense {
    //! With every spelling of a relation.

    pub mod country {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantShared;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantShared)]
        #[sea_orm(table_name = "country", comment = "not in $tenant")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            #[sea_orm(comment = "outside of $tenant")]
            pub name: String,
            pub continent_id: i32,
            #[sea_orm(belongs_to, from = "continent_id", to = "id")]
            pub continent: BelongsTo<super::continent::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod continent {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantShared;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantShared)]
        #[sea_orm(schema_name = "geography", table_name = "continent")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            #[sea_orm(has_many)]
            pub countries: HasMany<super::country::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod author {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantScoped;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
        #[sea_orm(table_name = "author", rename_all = "camelCase")]
        #[sea_orm(schema_name = "$tenant")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: i32,
            #[sea_orm(unique_key = "name", column_type = "String(StringLen::N(9))")]
            pub name: String,
            pub country_id: Option<i32>,
            pub mentor_id: Option<i32>,
            #[sea_orm(belongs_to, from = "country_id", to = "id", on_delete = "SetNull")]
            pub country: BelongsTo<Option<super::country::Entity>>,
            #[sea_orm(self_ref, relation_enum = "Mentor", from = "mentor_id", to = "id")]
            pub mentor: sea_orm::entity::prelude::BelongsTo<Option<Entity>>,
            #[sea_orm(has_one)]
            pub biography: HasOne<super::biography::Entity>,
            #[sea_orm(has_many)]
            pub books: HasMany<super::book::Entity>,
            #[sea_orm(self_ref, via = "follower", from = "Author", to = "Follower")]
            pub followers: HasMany<Entity>,
            #[sea_orm(self_ref, via = "follower", reverse)]
            pub following: HasMany<Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod follower {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantScoped;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
        #[sea_orm(table_name = "follower", schema_name = "$tenant")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub author_id: i32,
            #[sea_orm(primary_key)]
            pub follower_id: i32,
            #[sea_orm(belongs_to, from = "author_id", to = "id")]
            pub author: BelongsTo<super::author::Entity>,
            #[sea_orm(
                belongs_to,
                relation_enum = "Follower",
                from = "follower_id",
                to = "id"
            )]
            pub follower: BelongsTo<super::author::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod biography {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantScoped;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
        #[sea_orm(table_name = "biography", schema_name = "$tenant")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            #[sea_orm(unique)]
            pub author_id: i32,
            #[sea_orm(belongs_to, from = "author_id", to = "id")]
            pub author: HasOne<super::author::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod book {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantScoped;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
        #[sea_orm(table_name = "book", schema_name = "$tenant")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            #[sea_orm(column_type = "Text", enum_name = "Title", default_value = "?")]
            pub title: String,
            pub author_id: i32,
            #[sea_orm(belongs_to, from = "author_id", to = "id")]
            pub author: BelongsTo<super::author::Entity>,
            #[sea_orm(has_many, via = "book_tag")]
            pub tags: HasMany<super::tag::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod tag {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantScoped;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
        #[sea_orm(table_name = "tag", schema_name = "$tenant")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            #[sea_orm(has_many, via = "book_tag::Tag")]
            pub books: HasMany<super::book::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod book_tag {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantScoped;

        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
        #[sea_orm(table_name = "book_tag", schema_name = "$tenant")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub book_id: i32,
            #[sea_orm(primary_key)]
            pub tag_id: i32,
            #[sea_orm(belongs_to, from = "book_id", to = "id")]
            pub book: BelongsTo<super::book::Entity>,
            #[sea_orm(belongs_to, from = "tag_id", to = "id")]
            pub tag: BelongsTo<super::tag::Entity>,
        }

        impl ActiveModelBehavior for ActiveModel {}
    }
}

mod compact {
    //! The `Relation` enum is written by hand, with and without `#[sea_orm::compact_model]`.

    pub mod shelf {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantScoped;

        #[sea_orm::compact_model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
        #[sea_orm(table_name = "shelf", schema_name = "$tenant")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub author_id: i32,
            pub boards: HasMany<super::board::Entity>,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation, TenantScoped)]
        pub enum Relation {
            #[sea_orm(
                belongs_to = "crate::macros::derives::dense::author::Entity",
                from = "Column::AuthorId",
                to = "crate::macros::derives::dense::author::Column::Id"
            )]
            Author,
            #[sea_orm(has_many = "super::board::Entity")]
            Board,
        }

        impl Related<super::board::Entity> for Entity {
            fn to() -> RelationDef {
                Relation::Board.def()
            }
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod board {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantScoped;

        #[sea_orm::compact_model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
        #[sea_orm(table_name = "board", schema_name = "$tenant")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub shelf_id: i32,
            pub above: Option<i32>,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation, TenantScoped)]
        pub enum Relation {
            #[sea_orm(
                belongs_to = "super::shelf::Entity",
                from = "Column::ShelfId",
                to = "super::shelf::Column::Id",
                on_condition = r#"Column::Id.gt(0)"#,
                condition_type = "any"
            )]
            Shelf,
            #[sea_orm(
                belongs_to = "Entity",
                from = "Column::Above",
                to = "Column::Id",
                skip_fk
            )]
            Above,
        }

        impl Related<super::shelf::Entity> for Entity {
            fn to() -> RelationDef {
                Relation::Shelf.def()
            }
        }

        impl ActiveModelBehavior for ActiveModel {}
    }

    pub mod unit {
        use sea_orm::entity::prelude::*;
        use sea_orm_tenant::TenantShared;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantShared)]
        #[sea_orm(table_name = "unit", comment = "kg")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation, TenantShared)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }
}

mod expanded {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[derive(Copy, Clone, Default, Debug, DeriveEntity, TenantScoped)]
    #[sea_orm(schema_name = "$tenant", table_name = "loan", relation = Kin)]
    pub struct Loan;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveModel, DeriveActiveModel)]
    #[sea_orm(entity = Loan)]
    pub struct Model {
        pub id: i32,
        pub book_id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
    pub enum Column {
        Id,
        BookId,
    }

    impl ColumnTrait for Column {
        type EntityName = Loan;

        fn def(&self) -> ColumnDef {
            ColumnType::Integer.def()
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DerivePrimaryKey)]
    pub enum PrimaryKey {
        Id,
    }

    impl PrimaryKeyTrait for PrimaryKey {
        type ValueType = i32;

        fn auto_increment() -> bool {
            true
        }
    }

    /// `RelationTrait` by hand: the attributes are for the derive alone.
    #[derive(Copy, Clone, Debug, EnumIter, TenantScoped)]
    #[sea_orm(entity = Loan)]
    pub enum Kin {
        #[sea_orm(belongs_to = "super::dense::book::Entity")]
        Book,
    }

    impl RelationTrait for Kin {
        fn def(&self) -> RelationDef {
            match self {
                Self::Book => Loan::belongs_to(super::dense::book::Entity)
                    .from(Column::BookId)
                    .to(super::dense::book::Column::Id)
                    .into(),
            }
        }
    }

    impl ActiveModelBehavior for ActiveModel {}

    // `DeriveModel` and `DeriveActiveModel` expect the name.
    use Loan as Entity;
}

#[test]
fn tenant_scoped_entities_are_in_the_tenants_schema() {
    is_scoped(dense::author::Entity);
    is_scoped(dense::biography::Entity);
    is_scoped(dense::book::Entity);
    is_scoped(dense::book_tag::Entity);
    is_scoped(dense::follower::Entity);
    is_scoped(dense::tag::Entity);
    is_scoped(compact::shelf::Entity);
    is_scoped(compact::board::Entity);
    is_scoped(expanded::Loan);
}

#[test]
fn shared_entities_are_in_no_tenants_schema() {
    is_shared(dense::country::Entity);
    is_shared(dense::continent::Entity);
    is_shared(compact::unit::Entity);
}
