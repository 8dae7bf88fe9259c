//! The tables of a [`DatabaseStore`](crate::DatabaseStore), to read and to join. They are shared:
//! no `$tenant` in them. What changes them goes through the store, which counts revisions.

#![allow(
    missing_docs,
    reason = "SeaORM's derives make columns without documentation"
)]

/// One row a tenant.
pub mod tenant {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sea_orm_tenant")]
    pub struct Model {
        /// The tenant's id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// What people call it.
        pub name: String,
        /// Where it is in its life: a word of [`TenantStatus`](crate::TenantStatus).
        pub status: String,
        /// What it pays for.
        pub plan: Option<String>,
        /// A JSON object.
        #[sea_orm(column_type = "Text")]
        pub metadata: String,
        /// Its database's URL, encrypted with one of the [`UrlKeys`](crate::UrlKeys).
        #[sea_orm(column_type = "Text")]
        pub url_sealed: String,
        /// Its schema in that database.
        pub schema: String,
        /// `shared` or `dedicated`.
        pub placement: String,
        /// A hash of what no two tenants may have in common.
        pub place: String,
        /// The revision of the tenant's last change.
        pub revision: i64,
        /// Milliseconds since the Unix epoch.
        pub created_at: i64,
        /// Milliseconds since the Unix epoch.
        pub updated_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The latest changes, one row each.
pub mod change {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sea_orm_tenant_change")]
    pub struct Model {
        /// The change's revision.
        #[sea_orm(primary_key, auto_increment = false)]
        pub revision: i64,
        /// Whom it is about.
        pub tenant: String,
        /// A word of [`ChangeKind`](crate::ChangeKind).
        pub kind: String,
        /// Milliseconds since the Unix epoch.
        pub at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// One row: the revision of the latest change.
pub mod revision {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "sea_orm_tenant_revision")]
    pub struct Model {
        /// 1.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        /// That of the latest change.
        pub latest: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
