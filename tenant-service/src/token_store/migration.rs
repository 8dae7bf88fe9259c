use sea_orm_migration::prelude::*;

/// The migrations of the service's own table. The tenants' tables are the store's.
pub(super) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(MakeTokens)]
    }

    // The store's migrations, and an application's, may be in the same database.
    fn migration_table_name() -> DynIden {
        "tenant_service_migration".into_iden()
    }
}

struct MakeTokens;

impl MigrationName for MakeTokens {
    fn name(&self) -> &str {
        "m20261123_000001_make_tokens"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for MakeTokens {
    async fn up(&self, database: &SchemaManager) -> Result<(), DbErr> {
        database
            .create_table(
                Table::create()
                    .table("tenant_service_token")
                    .if_not_exists()
                    .col(ColumnDef::new("id").string_len(16).not_null().primary_key())
                    .col(ColumnDef::new("name").string_len(200).not_null())
                    .col(ColumnDef::new("scopes").string_len(100).not_null())
                    .col(ColumnDef::new("secret_sha256").var_binary(32).not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, database: &SchemaManager) -> Result<(), DbErr> {
        database
            .drop_table(Table::drop().table("tenant_service_token").to_owned())
            .await
    }
}
