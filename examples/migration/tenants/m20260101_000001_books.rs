//! Tables, a reference between them, an index.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let author = Table::create()
            .table("author")
            .if_not_exists()
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(ColumnDef::new("name").string_len(200).not_null())
            .take();
        manager.create_table(author).await?;
        let book = Table::create()
            .table("book")
            .if_not_exists()
            .col(ColumnDef::new("id").integer().not_null().primary_key())
            .col(ColumnDef::new("title").string_len(200).not_null())
            .col(ColumnDef::new("author_id").integer().not_null())
            .foreign_key(
                ForeignKey::create()
                    .name("book_author")
                    .from("book", "author_id")
                    .to("author", "id"),
            )
            .take();
        manager.create_table(book).await?;
        if !manager.has_index("book", "book_title").await? {
            let index = Index::create()
                .name("book_title")
                .table("book")
                .col("title")
                .take();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["book", "author"] {
            let table = Table::drop().table(table).if_exists().take();
            manager.drop_table(table).await?;
        }
        Ok(())
    }
}
