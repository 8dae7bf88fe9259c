//! A table, and rows in it.

use sea_orm::{ActiveValue::Set, EntityTrait as _};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::migration::TenantSchemaManager as _;

use super::shelf;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("shelf")
            .if_not_exists()
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(ColumnDef::new("label").string_len(100).not_null())
            .take();
        manager.create_table(table).await?;
        // Bound to the tenant, so entities with `$tenant` work on it.
        let db = manager.tenant().await?;
        for (id, label) in [(1, "Returned"), (2, "To be repaired")] {
            if shelf::Entity::find_by_id(id).one(&db).await?.is_none() {
                let shelf = shelf::ActiveModel {
                    id: Set(id),
                    label: Set(label.to_owned()),
                };
                shelf::Entity::insert(shelf).exec(&db).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::drop().table("shelf").if_exists().take();
        manager.drop_table(table).await
    }
}
