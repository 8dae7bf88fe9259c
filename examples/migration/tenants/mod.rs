//! The tables that each tenant has. These are plain migrations of SeaORM: names without a schema are
//! the tenant's own.
//!
//! MySQL cannot take back half a migration, so there each should be such that it can be run again
//! when it was interrupted: `if_not_exists`, `has_column`. It costs nothing to write all of them so.

mod m20260101_000001_books;
mod m20260102_000001_shelves;
mod m20260103_000001_lent;

use sea_orm::{ActiveValue::Set, EntityTrait as _};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::migration::SeedConnection;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20260101_000001_books::Migration),
            Box::new(m20260102_000001_shelves::Migration),
            Box::new(m20260103_000001_lent::Migration),
        ]
    }
}

/// Shelves, as a migration and the seed write them. What a migration writes should not depend on the
/// application's entities, which go on changing, so it has its own.
mod shelf {
    use sea_orm::entity::prelude::*;
    use sea_orm_tenant::TenantScoped;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, TenantScoped)]
    #[sea_orm(table_name = "shelf", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub label: String,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// What a new tenant begins with. It is one transaction with the tables, so it is all or nothing.
pub async fn seed(db: &SeedConnection<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let shelf = shelf::ActiveModel {
        id: Set(100),
        label: Set(format!("New at {}", db.tenant())),
    };
    shelf::Entity::insert(shelf).exec(db).await?;
    Ok(())
}
