//! sea-schema's connection, so that SeaORM's schema sync discovers the tenant's tables.

use std::borrow::Cow;

use sea_orm::{
    ConnectionTrait, DbBackend,
    sea_query::{MysqlQueryBuilder, PostgresQueryBuilder, SelectStatement, SqliteQueryBuilder},
};
use sea_schema::sqlx_types::{SqlxError, SqlxRow};

use super::TenantConnection;
use crate::{TenantError, qualify};

/// Catalogue queries compare a schema's name as a value. Rendered with its values inside, such a
/// query says `'$tenant'`, which becomes the name of the tenant's schema.
#[async_trait::async_trait]
impl<C> sea_schema::Connection for TenantConnection<C>
where
    C: ConnectionTrait + sea_schema::Connection,
{
    async fn query_all(&self, select: SelectStatement) -> Result<Vec<SqlxRow>, SqlxError> {
        let sql = match self.get_database_backend() {
            DbBackend::MySql => select.to_string(MysqlQueryBuilder),
            DbBackend::Sqlite => select.to_string(SqliteQueryBuilder),
            _ => select.to_string(PostgresQueryBuilder),
        };
        let sql = qualify(&sql, &self.binding.quoted).into_owned();
        sea_schema::Connection::query_all_raw(&self.inner, sql).await
    }

    /// Raw SQL names the tenant, here as elsewhere.
    async fn query_all_raw(&self, sql: String) -> Result<Vec<SqlxRow>, SqlxError> {
        match qualify(&sql, &self.binding.quoted) {
            Cow::Borrowed(_) => Err(SqlxError::Configuration(TenantError::UnscopedSql.into())),
            Cow::Owned(sql) => sea_schema::Connection::query_all_raw(&self.inner, sql).await,
        }
    }
}
