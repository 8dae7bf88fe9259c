//! Whose tables the statements of a session are on.

use std::collections::HashMap;

use sea_orm::DbBackend;
use tenant_core::TenantId;

use super::{
    Recorded,
    statement::{self, Said, Table},
};
use crate::leak::{Leak, Owner};

/// Reads statements in the order in which the server had them, and finds those on tables that are not
/// their tenant's.
#[derive(Debug)]
pub(crate) struct Judge {
    backend: DbBackend,
    /// Schemas by their names.
    owners: HashMap<String, Owner>,
    /// The tables that each of them has.
    tables: Vec<String>,
    /// The schema that unqualified names are in when a session begins.
    default: Vec<String>,
    sessions: HashMap<String, Session>,
}

/// What unqualified names mean in one session.
#[derive(Clone, Debug)]
struct Session {
    path: Option<Vec<String>>,
    /// As it was when the transaction began.
    before: Option<Option<Vec<String>>>,
    local: Option<Option<Vec<String>>>,
    /// Whose tables the transaction was first on.
    first: Option<Owner>,
}

impl Judge {
    pub(crate) fn new(
        backend: DbBackend,
        owners: HashMap<String, Owner>,
        tables: Vec<String>,
    ) -> Self {
        let mut default: Vec<_> = owners
            .iter()
            .filter(|(_, owner)| **owner == Owner::DefaultSchema)
            .map(|(schema, _)| schema.clone())
            .collect();
        if default.is_empty() {
            default = statement::default_path();
        }
        Self {
            backend,
            owners,
            tables,
            default,
            sessions: HashMap::new(),
        }
    }

    /// One that has seen no statements.
    pub(crate) fn anew(&self) -> Self {
        Self {
            backend: self.backend,
            owners: self.owners.clone(),
            tables: self.tables.clone(),
            default: self.default.clone(),
            sessions: HashMap::new(),
        }
    }

    /// What is wrong with the statements of visits of one tenant, or of several at once.
    pub(crate) fn judge(&mut self, visitor: Option<&TenantId>, recorded: &[Recorded]) -> Vec<Leak> {
        let mut leaks = Vec::new();
        for Recorded { session, sql } in recorded {
            let said = statement::read(self.backend, sql);
            let default = &self.default;
            let state = self
                .sessions
                .entry(session.clone())
                .or_insert_with(|| Session {
                    path: Some(default.clone()),
                    before: None,
                    local: None,
                    first: None,
                });
            let Some(tables) = state.take(said, &self.default) else {
                continue;
            };
            for table in tables
                .into_iter()
                .filter(|table| self.tables.contains(&table.name))
            {
                let Some(owner) = owner_of(&self.owners, state, &table) else {
                    continue;
                };
                leaks.extend(state.on_tables_of(owner, visitor, sql));
            }
        }
        leaks
    }
}

/// Whose table it is; nobody's that we know, or nobody knows.
fn owner_of<'o>(
    owners: &'o HashMap<String, Owner>,
    session: &Session,
    table: &Table,
) -> Option<&'o Owner> {
    if let Some(schema) = &table.schema {
        return owners.get(schema);
    }
    // Each of the schemas has all of the tables, so it is in the first.
    let path = session.local.as_ref().unwrap_or(&session.path);
    path.iter().flatten().find_map(|schema| owners.get(schema))
}

impl Session {
    /// Takes note of a statement about the session, or returns the tables that it names.
    fn take(&mut self, said: Said, default: &[String]) -> Option<Vec<Table>> {
        match said {
            Said::Tables(tables) => return Some(tables),
            Said::Begin => {
                self.before = Some(self.path.clone());
                self.first = None;
            }
            Said::Commit => self.end(),
            Said::Rollback => {
                if let Some(before) = self.before.take() {
                    self.path = before;
                }
                self.end();
            }
            Said::Path { schemas, is_local } => self.set(Some(schemas), is_local),
            Said::UnknownPath { is_local } => self.set(None, is_local),
        }
        if self.path.as_ref().is_some_and(Vec::is_empty) {
            self.path = Some(default.to_vec());
        }
        None
    }

    fn set(&mut self, path: Option<Vec<String>>, is_local: bool) {
        if is_local {
            // Outside of a transaction it sets nothing.
            if self.before.is_some() {
                self.local = Some(path);
            }
        } else {
            self.local = None;
            self.path = path;
        }
    }

    fn end(&mut self) {
        self.before = None;
        self.local = None;
        self.first = None;
    }

    fn on_tables_of(
        &mut self,
        owner: &Owner,
        visitor: Option<&TenantId>,
        sql: &str,
    ) -> Option<Leak> {
        let is_theirs = match (owner, visitor) {
            (Owner::Tenant(owner), Some(visitor)) => owner == visitor,
            (Owner::Tenant(_), None) => true,
            (Owner::DefaultSchema, _) => false,
        };
        if !is_theirs {
            return Some(Leak::Statement {
                visitor: visitor.cloned(),
                owner: owner.clone(),
                sql: sql.to_owned(),
            });
        }
        self.before.as_ref()?;
        let first = self.first.get_or_insert_with(|| owner.clone());
        (first != owner).then(|| Leak::Transaction {
            owners: [first.clone(), owner.clone()],
            sql: sql.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(visitor: Option<&str>, statements: &[&str]) -> Vec<Leak> {
        let tenant = |name: &str| Owner::Tenant(name.parse().expect("an id"));
        let owners = HashMap::from([
            ("tenant_a".to_owned(), tenant("a")),
            ("tenant_b".to_owned(), tenant("b")),
            ("public".to_owned(), Owner::DefaultSchema),
        ]);
        let mut judge = Judge::new(DbBackend::Postgres, owners, vec!["book".to_owned()]);
        let visitor = visitor.map(|name| name.parse().expect("an id"));
        let recorded: Vec<_> = statements
            .iter()
            .map(|sql| Recorded {
                session: "1".to_owned(),
                sql: (*sql).to_owned(),
            })
            .collect();
        judge.judge(visitor.as_ref(), &recorded)
    }

    #[test]
    fn a_statement_on_its_own_tables_is_none() {
        for statements in [
            &["SELECT * FROM tenant_a.book"][..],
            // Other tables are not planted, and may be shared.
            &["SELECT * FROM genre", "SELECT * FROM public.genre"],
            &[
                "BEGIN",
                "SET LOCAL search_path TO tenant_a",
                "SELECT * FROM book",
                "COMMIT",
            ],
            &[
                "BEGIN",
                "SELECT set_config('search_path', $1, true)",
                "SELECT * FROM book",
            ],
            &["SET search_path TO tenant_a", "SELECT * FROM book"],
        ] {
            assert_eq!(judge(Some("a"), statements), [], "{statements:?}");
        }
    }

    #[test]
    fn a_statement_on_others_tables_is_a_leak() {
        for (statements, expected) in [
            (&["SELECT * FROM tenant_b.book"][..], "tenant b"),
            (&["SELECT * FROM public.book"], "the default schema"),
            (&["SELECT * FROM book"], "the default schema"),
            (
                &["SET search_path TO tenant_b, tenant_a", "DELETE FROM book"],
                "tenant b",
            ),
            // The path ended with its transaction, was taken back with it, or was never set.
            (
                &[
                    "BEGIN",
                    "SET LOCAL search_path TO tenant_a",
                    "COMMIT",
                    "SELECT * FROM book",
                ],
                "the default schema",
            ),
            (
                &[
                    "BEGIN",
                    "SET search_path TO tenant_a",
                    "ROLLBACK",
                    "SELECT * FROM book",
                ],
                "the default schema",
            ),
            (
                &["SET LOCAL search_path TO tenant_a", "SELECT * FROM book"],
                "the default schema",
            ),
        ] {
            let leaks = judge(Some("a"), statements);
            let [Leak::Statement { owner, .. }] = &leaks[..] else {
                panic!("{statements:?}: {leaks:?}")
            };
            assert_eq!(owner.to_string(), expected, "{statements:?}");
        }
    }

    #[test]
    fn when_several_are_at_it_a_transaction_is_still_one_tenants() {
        let both = &["SELECT * FROM tenant_a.book", "SELECT * FROM tenant_b.book"];
        assert_eq!(judge(None, both), []);
        let mixed = &["BEGIN", both[0], both[1], "COMMIT"];
        assert!(matches!(judge(None, mixed)[..], [Leak::Transaction { .. }]));
        let two = &["BEGIN", both[0], "COMMIT", "BEGIN", both[1], "COMMIT"];
        assert_eq!(judge(None, two), []);
        assert!(matches!(
            judge(None, &["SELECT * FROM book"])[..],
            [Leak::Statement { .. }]
        ));
    }
}
