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

/// Whether a change of the schema, not qualified yet, is about the tenant's things only: what it
/// makes or alters, both names of MySQL's `RENAME TABLE`, each of those that it drops.
fn names_the_tenant_throughout(sql: &str) -> bool {
    match first_word(sql) {
        "RENAME" => sql.split(" TO ").all(first_name_is_the_tenants),
        "DROP" | "TRUNCATE" => sql.split(", ").all(first_name_is_the_tenants),
        _ => {
            // An index may be named without a schema; it is where its table is.
            let index_on = sql
                .split_once(" ON ")
                .filter(|(index, _)| index.contains("INDEX"));
            first_name_is_the_tenants(sql)
                || index_on.is_some_and(|(_, table)| first_name_is_the_tenants(table))
        }
    }
}

fn first_name_is_the_tenants(sql: &str) -> bool {
    sql.find(['"', '`'])
        .is_some_and(|quote| sql[quote + 1..].starts_with(PLACEHOLDER))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_schema_is_about_the_tenants_things_only() {
        for sql in [
            r#"CREATE TABLE "$tenant"."a" ("id" int)"#,
            r#"CREATE TABLE IF NOT EXISTS "$tenant"."a" ("id" int)"#,
            r#"CREATE UNIQUE INDEX "i" ON "$tenant"."a" ("id")"#,
            r#"CREATE INDEX "$tenant"."i" ON "a" ("id")"#,
            r#"CREATE TYPE "$tenant.mood" AS ENUM ('ON')"#,
            r#"ALTER TABLE "$tenant"."a" RENAME TO "b""#,
            r#"DROP TABLE "$tenant"."a", "$tenant"."b""#,
            r#"TRUNCATE TABLE "$tenant"."a""#,
            "RENAME TABLE `$tenant`.`a` TO `$tenant`.`b`",
        ] {
            assert!(names_the_tenant_throughout(sql), "{sql}");
        }
        for sql in [
            r#"CREATE TABLE "a" ("id" int REFERENCES "$tenant"."b")"#,
            r#"CREATE INDEX "i" ON "a" ("$tenant")"#,
            r#"CREATE TYPE "mood" AS ENUM ('$tenant')"#,
            r#"ALTER TABLE "a" ADD FOREIGN KEY ("b") REFERENCES "$tenant"."b""#,
            r#"DROP TABLE "$tenant"."a", "b""#,
            r#"DROP TABLE "$tenant"."a$tenant", "b""#,
            "RENAME TABLE `$tenant`.`a` TO `b`",
        ] {
            assert!(!names_the_tenant_throughout(sql), "{sql}");
        }
    }

    #[test]
    fn a_table_is_named_behind_from_or_join() {
        for sql in [
            "SELECT * FROM book",
            "SELECT (select id from book) FROM (SELECT 1)",
            "SELECT 1 FROM (VALUES (1)) AS v JOIN book ON 1",
        ] {
            assert!(names_a_table(sql), "{sql}");
        }
        for sql in [
            "SELECT CURRENT_SCHEMA()",
            "SELECT * FROM generate_series(1, 3)",
            "SELECT * FROM (VALUES (1)) AS v",
            "SELECT \"valid_from\"",
        ] {
            assert!(!names_a_table(sql), "{sql}");
        }
    }
}
