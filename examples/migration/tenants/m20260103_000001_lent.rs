//! A column.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("book", "lent").await? {
            return Ok(());
        }
        let column = ColumnDef::new("lent")
            .boolean()
            .not_null()
            .default(false)
            .take();
        let table = Table::alter().table("book").add_column(column).take();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("book", "lent").await? {
            return Ok(());
        }
        let table = Table::alter().table("book").drop_column("lent").take();
        manager.alter_table(table).await
    }
}
