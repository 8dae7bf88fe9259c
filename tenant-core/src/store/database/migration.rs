use std::time::Duration;

use sea_orm::{
    ActiveValue::Set,
    DatabaseConnection, DbBackend, DbErr, EntityTrait as _,
    sea_query::{Alias, ColumnDef, IntoIden as _, OnConflict, Table, TableCreateStatement},
};
use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait, SchemaManager, sea_orm::DynIden,
};

use super::{
    LATEST,
    entity::{change, revision, tenant},
};
use crate::TenantId;

/// Makes the tables of a [`DatabaseStore`](crate::DatabaseStore), in a migrator of the
/// application's own. [`DatabaseStore::migrate`](crate::DatabaseStore::migrate) does the same
/// without one; doing both does no harm.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreateTenantTables;

impl MigrationName for CreateTenantTables {
    fn name(&self) -> &'static str {
        "m20261123_000001_create_tenant_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for CreateTenantTables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        for table in [tenants(backend), changes(backend), revisions(backend)] {
            manager.create_table(table).await?;
        }
        let first = revision::ActiveModel {
            id: Set(LATEST),
            latest: Set(0),
        };
        // On MySQL nothing is done by setting the key to itself.
        let mut there = OnConflict::column(revision::Column::Id);
        there.do_nothing_on([revision::Column::Id]);
        revision::Entity::insert(first)
            .on_conflict(there)
            .exec_without_returning(manager.get_connection())
            .await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut table in [
            Table::drop().table(change::Entity).take(),
            Table::drop().table(revision::Entity).take(),
            Table::drop().table(tenant::Entity).take(),
        ] {
            manager.drop_table(table.if_exists().take()).await?;
        }
        Ok(())
    }
}

/// A migrator with a table of its own, so that it does not meet the application's.
struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(CreateTenantTables)]
    }

    fn migration_table_name() -> DynIden {
        Alias::new("sea_orm_tenant_migration").into_iden()
    }
}

/// How often a migration is tried that another process may be doing too.
const ATTEMPTS: u32 = 10;

/// Does what is not done yet. Of two processes at once one may fail at any statement, because the
/// other was there first: what is left to do is then looked at again.
pub(super) async fn migrate(db: &DatabaseConnection) -> Result<(), DbErr> {
    let mut attempt = 1;
    loop {
        match Migrator::up(db, None).await {
            Ok(()) => return Ok(()),
            Err(error @ (DbErr::Conn(_) | DbErr::ConnectionAcquire(_))) => return Err(error),
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(10) * attempt).await,
        }
        attempt += 1;
    }
}

fn tenants(backend: DbBackend) -> TableCreateStatement {
    use tenant::Column;
    table(backend)
        .table(tenant::Entity)
        .col(id(backend, Column::Id).primary_key())
        .col(ColumnDef::new(Column::Name).string_len(200).not_null())
        .col(ColumnDef::new(Column::Status).string_len(16).not_null())
        .col(ColumnDef::new(Column::Plan).string_len(100))
        .col(ColumnDef::new(Column::Metadata).text().not_null())
        .col(ColumnDef::new(Column::UrlSealed).text().not_null())
        .col(ColumnDef::new(Column::Schema).string_len(64).not_null())
        .col(ColumnDef::new(Column::Placement).string_len(16).not_null())
        .col(
            ColumnDef::new(Column::Place)
                .string_len(64)
                .not_null()
                .unique_key(),
        )
        .col(ColumnDef::new(Column::Revision).big_integer().not_null())
        .col(ColumnDef::new(Column::CreatedAt).big_integer().not_null())
        .col(ColumnDef::new(Column::UpdatedAt).big_integer().not_null())
        .take()
}

fn changes(backend: DbBackend) -> TableCreateStatement {
    use change::Column;
    table(backend)
        .table(change::Entity)
        .col(
            ColumnDef::new(Column::Revision)
                .big_integer()
                .not_null()
                .primary_key(),
        )
        .col(&mut id(backend, Column::Tenant))
        .col(ColumnDef::new(Column::Kind).string_len(16).not_null())
        .col(ColumnDef::new(Column::At).big_integer().not_null())
        .take()
}

fn revisions(backend: DbBackend) -> TableCreateStatement {
    use revision::Column;
    table(backend)
        .table(revision::Entity)
        .col(
            ColumnDef::new(Column::Id)
                .integer()
                .not_null()
                .primary_key(),
        )
        .col(ColumnDef::new(Column::Latest).big_integer().not_null())
        .take()
}

fn table(backend: DbBackend) -> TableCreateStatement {
    let mut table = Table::create();
    table.if_not_exists();
    if backend == DbBackend::MySql {
        // Whatever the server's defaults are: transactions, and any name.
        table.engine("InnoDB").character_set("utf8mb4");
    }
    table
}

/// A column of tenant ids, which the database orders as it compares them: by their bytes. In
/// another order pages would skip tenants.
fn id(backend: DbBackend, column: impl sea_orm::sea_query::IntoIden) -> ColumnDef {
    let len = TenantId::MAX_LEN;
    let kind = match backend {
        DbBackend::Postgres => format!("varchar({len}) COLLATE \"C\""),
        DbBackend::MySql => format!("varchar({len}) CHARACTER SET ascii COLLATE ascii_bin"),
        _ => format!("varchar({len})"),
    };
    ColumnDef::new(column)
        .custom(Alias::new(kind))
        .not_null()
        .take()
}
