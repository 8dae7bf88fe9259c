//! Tables of entities, made in a tenant's schema.

use std::{collections::BTreeSet, fmt};

use sea_orm::{
    AuditError, ConnectionTrait, DbBackend, DbErr, QueryAccessAudit, Schema, Statement,
    StatementBuilder,
    sea_query::{
        Alias, ForeignKeyCreateStatement, Func, IndexCreateStatement, MysqlQueryBuilder, Query,
        SqliteQueryBuilder, Table, TableCreateStatement, TableName, TableRef,
        extension::postgres::TypeCreateStatement,
    },
};

use crate::{PLACEHOLDER, TenantError, TenantScoped};

/// Creates the tables, indexes and native enum types of tenant-scoped entities in a tenant's
/// schema, those first that others refer to.
///
/// # Differences from SeaORM's `SchemaBuilder`
///
/// - It takes tenant-scoped entities only. Shared tables are not a tenant's to make.
/// - On MySQL, indexes, and foreign keys between the tenant's tables, name the tenant's database;
///   SeaORM's leaves the database out of an index, and panics on a foreign key that names one. A foreign
///   key to a shared table means the one in the entity's `schema_name`, else in the connection's default
///   database: for a tenant in a dedicated database the one with its copies of them. A strict tenancy's
///   connections have no default: give shared entities a `schema_name` there.
/// - On SQLite, a foreign key from a tenant's table to a shared one is left out: the two are in
///   different files, and a foreign key cannot cross files.
/// - An enum type is created when its name says `$tenant` (`enum_name = "$tenant.mood"`). One that
///   does not is shared, and must exist.
pub struct TenantSchemaBuilder {
    backend: DbBackend,
    tables: Vec<TenantTable>,
    #[cfg(feature = "schema-sync")]
    sync: sea_orm::SchemaBuilder,
}

struct TenantTable {
    create: TableCreateStatement,
    enums: Vec<TypeCreateStatement>,
    indexes: Vec<IndexCreateStatement>,
}

impl TenantSchemaBuilder {
    /// An empty builder for a kind of database.
    #[must_use]
    pub fn new(backend: DbBackend) -> Self {
        Self {
            backend,
            tables: Vec::new(),
            #[cfg(feature = "schema-sync")]
            sync: Schema::new(backend).builder(),
        }
    }

    /// Adds an entity. The order does not matter; an entity that was added before is ignored.
    #[must_use]
    pub fn register<E: TenantScoped>(mut self, entity: E) -> Self {
        let schema = Schema::new(self.backend);
        let table = TenantTable {
            create: schema.create_table_from_entity(entity),
            enums: schema.create_enum_from_entity(entity),
            indexes: schema.create_index_from_entity(entity),
        };
        if !self.tables.iter().any(|known| known.name() == table.name()) {
            self.tables.push(table);
        }
        #[cfg(feature = "schema-sync")]
        {
            self.sync = self.sync.register(entity);
        }
        self
    }

    /// Creates everything. Run it on a tenant connection or a transaction of one; on any other the
    /// server refuses the schema `$tenant`.
    ///
    /// # Errors
    ///
    /// [`TenantError::Unsupported`] as a [`DbErr`] on MySQL, before anything is made, when a foreign key
    /// leads to a shared table of which nothing says where it is. Else the driver's, also when a table
    /// exists already. What was made until then stays, unless `db`
    /// is a transaction; on MySQL in any case, because DDL is not transactional there.
    pub async fn apply<C: ConnectionTrait>(self, db: &C) -> Result<(), DbErr> {
        let shared_database = match self.backend {
            DbBackend::MySql => default_database(db).await?,
            _ => None,
        };
        if self.backend == DbBackend::MySql
            && shared_database.is_none()
            && self.tables.iter().any(TenantTable::refers_to_somewhere)
        {
            return Err(TenantError::Unsupported {
                operation: "a foreign key to a shared table without a `schema_name`",
                backend: "MySQL",
                instead: "the connection has no default database, as in a strict tenancy; name the shared tables' database in their entity's `schema_name`",
            }
            .into());
        }
        let mut types = BTreeSet::new();
        for table in parents_first(self.tables) {
            for create in &table.enums {
                let sql = self.backend.build(create).sql;
                if sql.contains(PLACEHOLDER) && types.insert(sql) {
                    db.execute(create).await?;
                }
            }
            match self.backend {
                DbBackend::MySql => {
                    db.execute(&table.for_mysql(shared_database.as_deref()))
                        .await?;
                }
                DbBackend::Sqlite => {
                    db.execute(&table.for_sqlite()).await?;
                    for index in &table.indexes {
                        db.execute(&index_in_file(index)).await?;
                    }
                }
                _ => {
                    db.execute(&table.create).await?;
                    for index in &table.indexes {
                        db.execute(index).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds what is missing, table by table and column by column, and drops nothing: SeaORM's
    /// schema sync, on the tenant's schema. PostgreSQL only; SeaORM's sync is experimental.
    ///
    /// # Errors
    ///
    /// [`DbErr::BackendNotSupported`] on MySQL and SQLite, where SeaORM's sync cannot be told which
    /// schema to compare, and [`TenantError::Unsupported`] as a
    /// [`DbErr`] when an entity has a native enum: use migrations there. Else the driver's.
    #[cfg(feature = "schema-sync")]
    pub async fn sync<C>(self, db: &C) -> Result<(), DbErr>
    where
        C: ConnectionTrait + sea_schema::Connection,
    {
        let has_enums = self.tables.iter().any(|table| !table.enums.is_empty());
        match self.backend {
            DbBackend::Postgres if has_enums => Err(TenantError::Unsupported {
                operation: "schema sync of native enum types",
                backend: "PostgreSQL",
                instead: "SeaORM does not recognise the types of a named schema and would create them again; use migrations",
            }
            .into()),
            DbBackend::Postgres => self.sync.sync(db).await,
            other => Err(DbErr::BackendNotSupported {
                db: other.as_str(),
                ctx: "TenantSchemaBuilder::sync",
            }),
        }
    }
}

/// Names only: rendering a statement that was not made for this backend may panic in sea-query.
impl fmt::Debug for TenantSchemaBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tables = self.tables.iter().filter_map(TenantTable::name);
        f.debug_struct("TenantSchemaBuilder")
            .field("backend", &self.backend)
            .field(
                "tables",
                &tables.map(|table| table.1.to_string()).collect::<Vec<_>>(),
            )
            .finish_non_exhaustive()
    }
}

impl TenantTable {
    fn name(&self) -> Option<&TableName> {
        self.create.get_table_name().and_then(table_name)
    }

    /// Whether a foreign key leads to a table of which nothing says where it is.
    fn refers_to_somewhere(&self) -> bool {
        self.references().any(|target| schema_of(target).is_none())
    }

    fn references(&self) -> impl Iterator<Item = &TableName> {
        self.create
            .get_foreign_key_create_stmts()
            .iter()
            .filter_map(|key| key.get_foreign_key().get_ref_table().and_then(table_name))
    }

    /// MySQL: indexes inside the `CREATE TABLE`, foreign keys to `` `$tenant.author` ``, which the
    /// rewriter splits in two.
    fn for_mysql(&self, shared_database: Option<&str>) -> Rendered {
        let mut shared = Vec::new();
        let mut create = self.rebuild(|mut key| {
            let target = key.get_foreign_key().get_ref_table().and_then(table_name)?;
            let schema = schema_of(target).or_else(|| shared_database.map(str::to_owned));
            let qualified = match schema {
                Some(schema) => format!("{schema}.{}", target.1),
                // Nobody comes here: it is refused before.
                None => target.1.to_string(),
            };
            if !is_tenant(target) {
                shared.push(qualified.clone());
            }
            Some(key.to_tbl(Alias::new(qualified)).take())
        });
        for index in &self.indexes {
            create.index(&mut index.clone());
        }
        let mut sql = create.to_string(MysqlQueryBuilder);
        // The same for shared tables, which the rewriter does not know.
        for qualified in shared {
            sql = sql.replace(
                &format!("REFERENCES `{qualified}`"),
                &format!("REFERENCES `{}`", qualified.replacen('.', "`.`", 1)),
            );
        }
        Rendered(sql)
    }

    /// SQLite: foreign keys inside the tenant's own file only.
    fn for_sqlite(&self) -> TableCreateStatement {
        self.rebuild(|key| {
            let target = key.get_foreign_key().get_ref_table().and_then(table_name)?;
            is_tenant(target).then_some(key)
        })
    }

    /// The same table with other foreign keys: sea-query has no way to change those it has.
    fn rebuild(
        &self,
        mut foreign_key: impl FnMut(ForeignKeyCreateStatement) -> Option<ForeignKeyCreateStatement>,
    ) -> TableCreateStatement {
        let mut table = Table::create();
        if let Some(name) = self.create.get_table_name() {
            table.table(name.clone());
        }
        if let Some(comment) = self.create.get_comment() {
            table.comment(comment);
        }
        for column in self.create.get_columns() {
            table.col(column.clone());
        }
        for index in self.create.get_indexes() {
            table.index(&mut index.clone());
        }
        for key in self.create.get_foreign_key_create_stmts() {
            if let Some(mut key) = foreign_key(key.clone()) {
                table.foreign_key(&mut key);
            }
        }
        table
    }
}

/// SQL that is rendered already, and still a typed statement: it is qualified like any other.
struct Rendered(String);

impl StatementBuilder for Rendered {
    fn build(&self, backend: &DbBackend) -> Statement {
        Statement::from_string(*backend, &self.0)
    }

    fn audit(&self) -> Result<QueryAccessAudit, AuditError> {
        Err(AuditError::UnsupportedQuery)
    }
}

/// SQLite: the schema stands in front of the index's name, and the table is looked up there.
/// sea-query writes neither.
fn index_in_file(index: &IndexCreateStatement) -> Rendered {
    let sql = index.to_string(SqliteQueryBuilder);
    Rendered(sql.replacen('"', &format!("\"{PLACEHOLDER}\".\""), 1))
}

/// The database that unqualified names mean on this connection.
async fn default_database<C: ConnectionTrait>(db: &C) -> Result<Option<String>, DbErr> {
    let select = Query::select()
        .expr(Func::cust(Alias::new("DATABASE")))
        .take();
    match db.query_one(&select).await? {
        Some(row) => row.try_get_by_index(0),
        None => Ok(None),
    }
}

/// Tables in an order in which each one's references exist. Those in a circle come last, in the
/// order in which they were added.
fn parents_first(mut waiting: Vec<TenantTable>) -> Vec<TenantTable> {
    let mut sorted = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|table| {
            table.references().all(|target| {
                Some(target) == table.name()
                    || !waiting.iter().any(|other| other.name() == Some(target))
            })
        });
        sorted.push(waiting.remove(ready.unwrap_or(0)));
    }
    sorted
}

fn table_name(table: &TableRef) -> Option<&TableName> {
    match table {
        TableRef::Table(name, _) => Some(name),
        _ => None,
    }
}

fn schema_of(table: &TableName) -> Option<String> {
    table.0.as_ref().map(|schema| schema.1.to_string())
}

fn is_tenant(table: &TableName) -> bool {
    schema_of(table).as_deref() == Some(PLACEHOLDER)
}
