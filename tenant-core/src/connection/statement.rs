use std::borrow::Cow;

use sea_orm::{AuditError, DbBackend, QueryAccessAudit, Statement, StatementBuilder};

use crate::{QuotedSchema, qualify};

/// A typed statement that renders with the tenant's schema in it.
pub(super) struct Qualified<'a, S> {
    statement: &'a S,
    schema: &'a QuotedSchema,
}

impl<'a, S> Qualified<'a, S> {
    pub(super) fn new(statement: &'a S, schema: &'a QuotedSchema) -> Self {
        Self { statement, schema }
    }
}

impl<S: StatementBuilder> StatementBuilder for Qualified<'_, S> {
    fn build(&self, backend: &DbBackend) -> Statement {
        let mut statement = self.statement.build(backend);
        if let Cow::Owned(qualified) = qualify(&statement.sql, self.schema) {
            statement.sql = qualified;
        }
        statement
    }

    /// The audit sees the entity's own schema, `$tenant`: a role's permissions are the same for
    /// every tenant.
    fn audit(&self) -> Result<QueryAccessAudit, AuditError> {
        self.statement.audit()
    }
}
