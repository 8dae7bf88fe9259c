//! A lending library: authors, books, tags and reviews of each tenant, and genres that all share.

pub mod author {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(table_name = "author", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        /// Who taught this author to write.
        pub mentor_id: Option<i32>,
        #[sea_orm(
            self_ref,
            relation_enum = "Mentor",
            relation_reverse = "Pupils",
            from = "mentor_id",
            to = "id"
        )]
        pub mentor: HasOne<Entity>,
        #[sea_orm(self_ref, relation_enum = "Pupils", relation_reverse = "Mentor")]
        pub pupils: HasMany<Entity>,
        #[sea_orm(has_many)]
        pub books: HasMany<super::book::Entity>,
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
        #[sea_orm(indexed)]
        pub title: String,
        pub author_id: i32,
        #[sea_orm(unique_key = "shelf")]
        pub row: Option<i32>,
        #[sea_orm(unique_key = "shelf")]
        pub place: Option<i32>,
        pub genre_id: Option<i32>,
        #[sea_orm(belongs_to, from = "author_id", to = "id")]
        pub author: HasOne<super::author::Entity>,
        #[sea_orm(belongs_to, from = "genre_id", to = "id")]
        pub genre: HasOne<super::genre::Entity>,
        #[sea_orm(has_many)]
        pub reviews: HasMany<super::review::Entity>,
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
        #[sea_orm(unique)]
        pub word: String,
        #[sea_orm(has_many, via = "book_tag")]
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
        #[sea_orm(primary_key, auto_increment = false)]
        pub book_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag_id: i32,
        #[sea_orm(belongs_to, from = "book_id", to = "id", on_delete = "Cascade")]
        pub book: HasOne<super::book::Entity>,
        #[sea_orm(belongs_to, from = "tag_id", to = "id", on_delete = "Cascade")]
        pub tag: HasOne<super::tag::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod review {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    /// A native type in the tenant's schema on PostgreSQL.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "$tenant.mood")]
    pub enum Mood {
        #[sea_orm(string_value = "glad")]
        Glad,
        #[sea_orm(string_value = "sad")]
        Sad,
    }

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(table_name = "review", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub book_id: i32,
        pub mood: Mood,
        pub text: String,
        #[sea_orm(belongs_to, from = "book_id", to = "id")]
        pub book: HasOne<super::book::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod genre {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantShared;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantShared)]
    #[sea_orm(table_name = "genre")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub label: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// From a book to what else its author wrote, through the tenant's tables.
#[derive(Debug)]
pub struct SameAuthor;

impl sea_orm::Linked for SameAuthor {
    type FromEntity = book::Entity;
    type ToEntity = book::Entity;

    fn link(&self) -> Vec<sea_orm::RelationDef> {
        use sea_orm::RelationTrait as _;
        vec![
            book::Relation::Author.def(),
            book::Relation::Author.def().rev(),
        ]
    }
}
