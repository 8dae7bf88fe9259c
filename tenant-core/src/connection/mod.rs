//! The wrapper that puts every statement into one tenant's schema.

mod borrowed;
#[cfg(feature = "schema-sync")]
mod catalogue;
mod statement;
mod transaction;
mod wording;

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    StatementBuilder, StreamTrait,
};

pub use self::borrowed::Borrowed;
use self::statement::Qualified;
use crate::{
    QuotedSchema, SchemaName, TenantError, TenantId, TenantSchemaBuilder, qualify,
    source::SourceConnection,
};

/// A SeaORM connection or transaction that is bound to one tenant for its whole life.
///
/// Whatever SeaORM renders with `schema_name = "$tenant"` lands in the tenant's schema. Entities
/// without it, the shared tables, are read and written as they are; their tables are made and
/// changed elsewhere. Raw SQL must name `$tenant`, or it is refused;
/// [`unscoped_raw`](Self::unscoped_raw) is the way round.
///
/// It wraps anything that implements SeaORM's [`ConnectionTrait`]: a pool, a transaction, a
/// `RestrictedConnection`, a mock. Typed statements stay typed on the way down, so what the inner
/// connection checks (access control, say) it still checks.
///
/// # Differences from `DatabaseConnection`
///
/// - There is no `Deref` and no conversion to the inner connection: both would hand out an
///   unscoped connection without a word.
/// - [`get_schema_builder`](Self::get_schema_builder) builds tenants' tables, and does so on MySQL
///   and SQLite too, where SeaORM's own builder cannot name a schema in an index or a foreign key.
/// - `SchemaManager` and SeaORM's migrations take concrete types. They run on
///   [`Tenancy::dedicated_connection`](crate::Tenancy::dedicated_connection).
/// - A bare `Entity` as a table in a hand-built query renders no schema, in SeaORM as here: write
///   `Entity.table_ref()`.
/// - A native enum that a hand-built or raw select reads fails in the driver's type check, because
///   the type's name is compiled in: cast it to text there. Queries made by the ORM do.
pub struct TenantConnection<C = SourceConnection> {
    inner: C,
    binding: Arc<Binding>,
}

/// To whom a connection is bound. Shared with the transactions it begins.
struct Binding {
    tenant: TenantId,
    schema: SchemaName,
    quoted: QuotedSchema,
}

impl<C: ConnectionTrait> TenantConnection<C> {
    /// Binds `inner` to a tenant whose tables are in `schema`.
    ///
    /// [`Tenancy`](crate::Tenancy) does this with the store's word on where a tenant is placed;
    /// by hand it serves tests, and connections that come from elsewhere. Around a
    /// `TenantConnection` it binds typed statements anew, so this, too, is a word to grep for.
    pub fn new(inner: C, tenant: TenantId, schema: SchemaName) -> Self {
        let quoted = QuotedSchema::new(&schema, inner.get_database_backend());
        Self {
            inner,
            binding: Arc::new(Binding {
                tenant,
                schema,
                quoted,
            }),
        }
    }

    /// Which kind of database this talks to.
    pub fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    /// A builder that creates tables, indexes and enum types of entities in the tenant's schema.
    /// Takes the place of SeaORM's `SchemaBuilder`.
    pub fn get_schema_builder(&self) -> TenantSchemaBuilder {
        TenantSchemaBuilder::new(self.get_database_backend())
    }
}

impl<'c, C: ConnectionTrait> TenantConnection<Borrowed<'c, C>> {
    /// Binds a connection that somebody else owns: a migration hands out references.
    pub fn borrow(inner: &'c C, tenant: TenantId, schema: SchemaName) -> Self {
        Self::new(Borrowed(inner), tenant, schema)
    }
}

impl<C> TenantConnection<C> {
    /// The tenant that this is bound to.
    pub fn tenant(&self) -> &TenantId {
        &self.binding.tenant
    }

    /// The schema that `$tenant` stands for here.
    pub fn schema(&self) -> &SchemaName {
        &self.binding.schema
    }

    /// The inner connection, on which nothing is qualified and any SQL is accepted: for statements
    /// that are meant to run outside of the tenant.
    ///
    /// Tenant-scoped entities still fail here, since no schema is called `$tenant`. Raw SQL does
    /// what it says, so grep for this name when you review.
    pub fn unscoped_raw(&self) -> &C {
        &self.inner
    }

    /// Raw SQL that names the tenant, qualified.
    fn scoped_raw(&self, sql: &str) -> Result<String, DbErr> {
        match qualify(sql, &self.binding.quoted) {
            std::borrow::Cow::Owned(qualified) => Ok(qualified),
            std::borrow::Cow::Borrowed(_) => Err(TenantError::UnscopedSql.into()),
        }
    }

    fn scoped_statement(&self, mut statement: Statement) -> Result<Statement, DbErr> {
        statement.sql = self.scoped_raw(&statement.sql)?;
        Ok(statement)
    }

    fn qualified<'a, S: StatementBuilder>(
        &'a self,
        statement: &'a S,
    ) -> Result<Qualified<'a, S>, DbErr> {
        Qualified::new(statement, &self.binding.quoted)
    }
}

impl TenantConnection<SourceConnection> {
    /// Checks that the database answers.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.inner.ping().await
    }

    /// Gives the connection back. Dropping it does the same: the pool behind it belongs to the
    /// data source, which other tenants use.
    ///
    /// # Errors
    ///
    /// None; the signature is SeaORM's.
    pub async fn close(self) -> Result<(), DbErr> {
        Ok(())
    }
}

impl TenantConnection<DatabaseConnection> {
    /// Checks that the database answers.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.inner.ping().await
    }

    /// Closes the pool behind this connection, and so for everybody who shares it.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub async fn close(self) -> Result<(), DbErr> {
        self.inner.close().await
    }
}

/// Two handles of one connection, bound to the same tenant.
impl<C: Clone> Clone for TenantConnection<C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            binding: self.binding.clone(),
        }
    }
}

impl<C> fmt::Debug for TenantConnection<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantConnection")
            .field("tenant", &self.binding.tenant)
            .field("schema", &self.binding.schema)
            .finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl<C: ConnectionTrait> ConnectionTrait for TenantConnection<C> {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner
            .execute_raw(self.scoped_statement(statement)?)
            .await
    }

    async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        self.inner.execute(&self.qualified(statement)?).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(&self.scoped_raw(sql)?).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner
            .query_one_raw(self.scoped_statement(statement)?)
            .await
    }

    async fn query_one<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one(&self.qualified(statement)?).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner
            .query_all_raw(self.scoped_statement(statement)?)
            .await
    }

    async fn query_all<S: StatementBuilder>(
        &self,
        statement: &S,
    ) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all(&self.qualified(statement)?).await
    }

    fn support_returning(&self) -> bool {
        self.inner.support_returning()
    }

    fn is_mock_connection(&self) -> bool {
        self.inner.is_mock_connection()
    }
}

impl<C: StreamTrait> StreamTrait for TenantConnection<C> {
    type Stream<'a>
        = C::Stream<'a>
    where
        Self: 'a;

    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        match self.scoped_statement(statement) {
            Ok(statement) => self.inner.stream_raw(statement),
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }

    fn stream<'a, S: StatementBuilder + Sync>(
        &'a self,
        statement: &S,
    ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
        match Qualified::new(statement, &self.binding.quoted) {
            Ok(qualified) => self.inner.stream(&qualified),
            Err(refused) => Box::pin(std::future::ready(Err(refused))),
        }
    }
}
