use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("country")
            .if_not_exists()
            .col(ColumnDef::new("code").char_len(2).not_null().primary_key())
            .col(ColumnDef::new("name").string_len(100).not_null())
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::drop().table("country").if_exists().take();
        manager.drop_table(table).await
    }
}
