use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
};

use sea_orm::{AuditError, DbBackend, DbErr, QueryAccessAudit, Statement, StatementBuilder};

use super::wording::{changes_a_schema, names_a_table, names_the_tenant_throughout};
use crate::{QuotedSchema, TenantError, qualify};

/// A typed statement that renders with the tenant's schema in it.
pub(super) struct Qualified<'a, S> {
    statement: &'a S,
    schema: &'a QuotedSchema,
    changes_a_schema: bool,
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
        let changes_a_schema = changes_a_schema(&rendered.sql);
        if changes_a_schema {
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
            changes_a_schema,
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
        // SeaORM's audit of these is not written yet, and panics.
        if self.changes_a_schema {
            return Err(AuditError::UnsupportedQuery);
        }
        self.statement.audit()
    }
}

/// Whether SeaORM knows of a table in it: it does not see those in raw text.
fn knows_a_table(statement: &impl StatementBuilder) -> bool {
    statement
        .audit()
        .is_ok_and(|audit| !audit.requests.is_empty())
}
