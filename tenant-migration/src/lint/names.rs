use std::fmt;

use sqlparser::ast::{Ident, ObjectName};
use tenant_core::SchemaName;

/// A table as a statement names it, in the case that PostgreSQL looks it up by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableName {
    pub(super) schema: Option<String>,
    pub(super) table: String,
}

/// Whose a table is, as far as its name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// The migrated tenant's: a distributed table.
    Tenant,
    /// Everybody's, and made a reference table.
    Reference,
    /// In a schema of its own: a local table, or another tenant's.
    Elsewhere,
}

/// What is known about schemas before any statement is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) scratch: Option<SchemaName>,
    pub(super) reference_tables: Vec<TableName>,
}

impl Names {
    /// Unqualified names are the tenant's: its schema is what the `search_path` has first.
    pub(super) fn home(&self, name: &TableName) -> Home {
        match &name.schema {
            None => Home::Tenant,
            Some(schema) if self.is_scratch(schema) => Home::Tenant,
            Some(_) if self.reference_tables.contains(name) => Home::Reference,
            Some(_) => Home::Elsewhere,
        }
    }

    pub(super) fn is_scratch(&self, schema: &str) -> bool {
        self.scratch
            .as_ref()
            .is_some_and(|scratch| scratch.as_str() == schema)
    }
}

impl TableName {
    pub(super) fn of(name: &ObjectName) -> Self {
        let mut parts = name
            .0
            .iter()
            .rev()
            .map(|part| part.as_ident().map(fold).unwrap_or_default());
        let table = parts.next().unwrap_or_default();
        Self {
            schema: parts.next(),
            table,
        }
    }

    /// Reads a name that a user wrote: `public.genre`, `"public"."Genre"`, or `genre`, which is
    /// taken to be in `public`.
    pub(super) fn reference(text: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut quoted = false;
        for char in text.trim().chars() {
            match (char, parts.last_mut()) {
                ('"', _) => quoted = !quoted,
                ('.', _) if !quoted => parts.push(String::new()),
                (_, Some(part)) if quoted => part.push(char),
                (_, Some(part)) => part.push(char.to_ascii_lowercase()),
                (_, None) => {}
            }
        }
        let table = parts.pop().unwrap_or_default();
        Self {
            schema: Some(parts.pop().unwrap_or_else(|| "public".to_owned())),
            table,
        }
    }
}

/// PostgreSQL folds what is not quoted to lower case.
pub(super) fn fold(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(&self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(schema: Option<&str>, table: &str) -> TableName {
        TableName {
            schema: schema.map(str::to_owned),
            table: table.to_owned(),
        }
    }

    #[test]
    fn reference_tables_are_read_as_sql_reads_them() {
        assert_eq!(
            TableName::reference("public.genre"),
            name(Some("public"), "genre")
        );
        assert_eq!(
            TableName::reference(" Genre "),
            name(Some("public"), "genre")
        );
        assert_eq!(
            TableName::reference(r#""my.shared"."Genre""#),
            name(Some("my.shared"), "Genre")
        );
    }

    #[test]
    fn a_name_tells_its_home() {
        let names = Names {
            scratch: Some(SchemaName::from_static("tenant_scratch")),
            reference_tables: vec![TableName::reference("public.genre")],
        };
        assert_eq!(names.home(&name(None, "genre")), Home::Tenant);
        assert_eq!(
            names.home(&name(Some("tenant_scratch"), "book")),
            Home::Tenant
        );
        assert_eq!(names.home(&name(Some("public"), "genre")), Home::Reference);
        assert_eq!(names.home(&name(Some("public"), "Genre")), Home::Elsewhere);
        assert_eq!(
            names.home(&name(Some("tenant_globex"), "book")),
            Home::Elsewhere
        );
    }
}
