use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};
use sea_orm_migration::{SchemaManager, SchemaManagerConnection};
use tenant_core::{Borrowed, SchemaName, TenantConnection, TenantContext};

/// What a tenant's migration has besides SeaORM's `SchemaManager`, and nothing else may have.
#[async_trait::async_trait]
pub trait TenantSchemaManager<'c>: sealed::Sealed {
    /// The migration's connection, bound to its tenant: entities with `$tenant` work on it.
    ///
    /// ```
    /// # use sea_orm_migration::prelude::*;
    /// use tenant_migration::TenantSchemaManager as _;
    ///
    /// # struct Migration;
    /// # impl MigrationName for Migration { fn name(&self) -> &str { "m1_genres" } }
    /// #[async_trait::async_trait]
    /// impl MigrationTrait for Migration {
    ///     async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
    ///         let db = manager.tenant().await?;
    ///         // genre::Entity::insert_many([..]).exec(&db).await?;
    ///         db.execute_unprepared("UPDATE $tenant.book SET lent = false").await?;
    ///         Ok(())
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`TenantError::NoTenant`](tenant_core::TenantError::NoTenant), where the migration runs for no
    /// tenant; what the database says when it is asked for the schema's name.
    async fn tenant(
        &self,
    ) -> Result<TenantConnection<Borrowed<'_, SchemaManagerConnection<'c>>>, DbErr>;
}

#[async_trait::async_trait]
impl<'c> TenantSchemaManager<'c> for SchemaManager<'c> {
    async fn tenant(
        &self,
    ) -> Result<TenantConnection<Borrowed<'_, SchemaManagerConnection<'c>>>, DbErr> {
        let tenant = TenantContext::current()?;
        let db = self.get_connection();
        let schema = match db.get_database_backend() {
            DbBackend::Sqlite => schema_name("main")?,
            backend => {
                // The connection's own word: it is where unqualified names go.
                let select = match backend {
                    DbBackend::MySql => "SELECT DATABASE()",
                    _ => "SELECT pg_catalog.current_schema()::text",
                };
                let row = db
                    .query_one_raw(Statement::from_string(backend, select))
                    .await?;
                let name: Option<String> = match row {
                    Some(row) => row.try_get_by_index(0)?,
                    None => None,
                };
                let name = name.ok_or_else(|| {
                    DbErr::Custom("unqualified names reach no schema on this connection".to_owned())
                })?;
                schema_name(&name)?
            }
        };
        Ok(TenantConnection::borrow(db, tenant, schema))
    }
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for sea_orm_migration::SchemaManager<'_> {}
}

/// A tenant that has its database for itself may be where nobody else may.
fn schema_name(name: &str) -> Result<SchemaName, DbErr> {
    let schema = SchemaName::try_from(name).or_else(|_| SchemaName::in_dedicated_database(name));
    schema.map_err(|error| tenant_core::TenantError::from(error).into())
}
