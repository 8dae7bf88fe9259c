use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
};

use sea_orm::{AuditError, DbBackend, DbErr, QueryAccessAudit, Statement, StatementBuilder};

use crate::{PLACEHOLDER, QuotedSchema, TenantError, qualify};

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
        let mut rendered = statement.build(&schema.backend());
        let qualified = qualify(&rendered.sql, schema);
        if !only_reads_or_writes_rows(&rendered.sql) {
            if !names_the_tenant_throughout(&rendered.sql) {
                return Err(TenantError::UnscopedSchemaChange.into());
            }
        } else if matches!(qualified, Cow::Borrowed(_))
            && names_a_table(&rendered.sql)
            && !knows_a_table(statement)
        {
            return Err(TenantError::UnscopedSql.into());
        }
        if let Cow::Owned(qualified) = qualified {
            rendered.sql = qualified;
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
            .unwrap_or_else(|| {
                let mut again = self.statement.build(backend);
                again.sql = qualify(&again.sql, self.schema).into_owned();
                again
            })
    }

    /// The audit sees the entity's own schema, `$tenant`: a role's permissions are the same for
    /// every tenant.
    fn audit(&self) -> Result<QueryAccessAudit, AuditError> {
        self.statement.audit()
    }
}

/// By its first word; sea-query renders these in upper case.
fn only_reads_or_writes_rows(sql: &str) -> bool {
    matches!(
        first_word(sql),
        "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH" | "REPLACE" | "VALUES"
    )
}

fn first_word(sql: &str) -> &str {
    sql.trim_start_matches(['(', ' '])
        .split_ascii_whitespace()
        .next()
        .unwrap_or_default()
}

/// Whether a change of the schema, not qualified yet, says the placeholder for each table that it
/// is about: MySQL's `RENAME TABLE` has two, and `DROP` and `TRUNCATE` may have many.
fn names_the_tenant_throughout(sql: &str) -> bool {
    let tables = match first_word(sql) {
        "RENAME" => 2,
        "DROP" | "TRUNCATE" => 1 + sql.matches(", ").count(),
        _ => 1,
    };
    sql.matches(PLACEHOLDER).count() >= tables
}

/// Whether a `FROM` or `JOIN` stands in front of a name that is not a function's.
fn names_a_table(sql: &str) -> bool {
    let mut words = sql.split_ascii_whitespace();
    while let Some(word) = words.next() {
        let word = word.trim_start_matches('(');
        if (word.eq_ignore_ascii_case("from") || word.eq_ignore_ascii_case("join"))
            && words.clone().next().is_some_and(|name| !name.contains('('))
        {
            return true;
        }
    }
    false
}

/// Whether SeaORM knows of a table in it: it does not see those in raw text.
fn knows_a_table(statement: &impl StatementBuilder) -> bool {
    statement
        .audit()
        .is_ok_and(|audit| !audit.requests.is_empty())
}
