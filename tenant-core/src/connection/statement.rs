use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
};

use sea_orm::{AuditError, DbBackend, DbErr, QueryAccessAudit, Statement, StatementBuilder};

use crate::{QuotedSchema, TenantError, qualify};

/// A typed statement that renders with the tenant's schema in it.
pub(super) struct Qualified<'a, S> {
    statement: &'a S,
    schema: &'a QuotedSchema,
    /// Rendered once to be looked at, and not again for the inner connection.
    rendered: Mutex<Option<Statement>>,
}

impl<'a, S: StatementBuilder> Qualified<'a, S> {
    /// Renders `statement`.
    ///
    /// Shared tables are read and written as they are. Two things that name no tenant are refused:
    ///
    /// - a change of the schema: SeaORM leaves the schema out of an index on MySQL and SQLite, and
    ///   out of an enum type, and would change what all tenants see;
    /// - raw SQL in typed clothes: to page, count or look for rows of a raw statement, SeaORM puts
    ///   its text inside a typed one.
    pub(super) fn new(statement: &'a S, schema: &'a QuotedSchema) -> Result<Self, DbErr> {
        let (rendered, scoped) = render(statement, schema, schema.backend());
        if !scoped {
            if !only_reads_or_writes_rows(&rendered.sql) {
                return Err(TenantError::UnscopedSchemaChange.into());
            }
            if reads_from(&rendered.sql) && !names_a_table(statement) {
                return Err(TenantError::UnscopedSql.into());
            }
        }
        Ok(Self {
            statement,
            schema,
            rendered: Mutex::new(Some(rendered)),
        })
    }
}

impl<S: StatementBuilder> StatementBuilder for Qualified<'_, S> {
    fn build(&self, backend: &DbBackend) -> Statement {
        self.rendered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .unwrap_or_else(|| render(self.statement, self.schema, *backend).0)
    }

    /// The audit sees the entity's own schema, `$tenant`: a role's permissions are the same for
    /// every tenant.
    fn audit(&self) -> Result<QueryAccessAudit, AuditError> {
        self.statement.audit()
    }
}

/// The statement, and whether it names the tenant.
fn render<S: StatementBuilder>(
    statement: &S,
    schema: &QuotedSchema,
    backend: DbBackend,
) -> (Statement, bool) {
    let mut rendered = statement.build(&backend);
    let qualified = match qualify(&rendered.sql, schema) {
        Cow::Owned(qualified) => qualified,
        Cow::Borrowed(_) => return (rendered, false),
    };
    rendered.sql = qualified;
    (rendered, true)
}

/// By its first word; sea-query renders these in upper case.
fn only_reads_or_writes_rows(sql: &str) -> bool {
    let first = sql
        .trim_start_matches(['(', ' '])
        .split_ascii_whitespace()
        .next();
    matches!(
        first,
        Some("SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH" | "REPLACE" | "VALUES")
    )
}

/// Whether there is a `FROM` in it, in whatever sense.
fn reads_from(sql: &str) -> bool {
    sql.as_bytes()
        .windows("from".len())
        .any(|word| word.eq_ignore_ascii_case(b"from"))
}

/// Whether SeaORM knows of a table in it: it does not see those in raw text.
fn names_a_table(statement: &impl StatementBuilder) -> bool {
    statement
        .audit()
        .is_ok_and(|audit| !audit.requests.is_empty())
}
