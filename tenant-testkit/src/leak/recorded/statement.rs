//! What a statement says about tables.

use std::ops::ControlFlow;

use sea_orm::DbBackend;
use sqlparser::{
    ast::{ObjectName, ObjectNamePart, Query, Statement, Visit as _, Visitor},
    dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect},
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};

/// One statement, as far as it matters who sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It begins a transaction.
    Begin,
    /// It ends one.
    Commit,
    /// It ends one, and takes back what was set in it.
    Rollback,
    /// It says where unqualified names are: for the transaction, or until the session ends.
    Path {
        schemas: Vec<String>,
        is_local: bool,
    },
    /// It says so with a parameter, which is not in the text.
    UnknownPath { is_local: bool },
    /// It names tables, with or without their schema.
    Tables(Vec<Table>),
}

/// A table as it was named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Table {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

/// Reads a statement. What a parser does not know is looked through for names with a schema.
pub(super) fn read(backend: DbBackend, sql: &str) -> Said {
    let words: Vec<_> = Tokenizer::new(dialect(backend), sql)
        .tokenize()
        .unwrap_or_default()
        .into_iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    if let Some(said) = of_session(&words) {
        return said;
    }
    let tables = match Parser::parse_sql(dialect(backend), sql) {
        Ok(statements) => named_in(&statements),
        Err(_) => qualified_in(&words),
    };
    Said::Tables(tables)
}

fn dialect(backend: DbBackend) -> &'static dyn Dialect {
    match backend {
        DbBackend::Postgres => &PostgreSqlDialect {},
        DbBackend::MySql => &MySqlDialect {},
        _ => &SQLiteDialect {},
    }
}

/// Statements about the transaction and the session.
fn of_session(tokens: &[Token]) -> Option<Said> {
    let first = keyword(tokens.first()?);
    let second = tokens.get(1).map(keyword).unwrap_or_default();
    match (&*first, &*second) {
        ("begin" | "start", _) => Some(Said::Begin),
        // A savepoint is no transaction of its own.
        ("rollback", "to") => Some(Said::Tables(Vec::new())),
        ("commit" | "end", _) => Some(Said::Commit),
        ("rollback" | "abort", _) => Some(Said::Rollback),
        ("use", _) => Some(Said::Path {
            schemas: vec![value(tokens.get(1)?)?],
            is_local: false,
        }),
        ("set", _) => {
            let is_local = second == "local";
            let named = usize::from(is_local || second == "session") + 1;
            if keyword(tokens.get(named)?) != "search_path" {
                return None;
            }
            let schemas = tokens.iter().skip(named + 2).filter_map(value);
            Some(Said::Path {
                schemas: schemas.collect(),
                is_local,
            })
        }
        ("reset" | "discard", "search_path" | "all") => Some(Said::Path {
            schemas: default_path(),
            is_local: false,
        }),
        ("select", "set_config") => set_config(tokens),
        _ => None,
    }
}

/// `SELECT set_config('search_path', 'a, b', true) ..`
fn set_config(tokens: &[Token]) -> Option<Said> {
    if value(tokens.get(3)?)? != "search_path" {
        return None;
    }
    let is_local = keyword(tokens.get(7)?) == "true";
    Some(match tokens.get(5)? {
        Token::SingleQuotedString(path) => Said::Path {
            schemas: path
                .split(',')
                .map(|schema| schema.trim().trim_matches('"').to_owned())
                .collect(),
            is_local,
        },
        _ => Said::UnknownPath { is_local },
    })
}

/// What a session of PostgreSQL begins with; `$user` has no schema in a test.
pub(super) fn default_path() -> Vec<String> {
    vec!["public".to_owned()]
}

fn keyword(token: &Token) -> String {
    match token {
        Token::Word(word) => word.value.to_ascii_lowercase(),
        _ => String::new(),
    }
}

fn value(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) => Some(word.value.clone()),
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}

/// The tables that parsed statements name, but for those that they define themselves.
fn named_in(statements: &[Statement]) -> Vec<Table> {
    #[derive(Default)]
    struct Finds {
        tables: Vec<Table>,
        defined: Vec<String>,
    }
    impl Visitor for Finds {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            for defined in query.with.iter().flat_map(|with| &with.cte_tables) {
                self.defined.push(defined.alias.name.value.clone());
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
            let mut parts = name.0.iter().rev().filter_map(ObjectNamePart::as_ident);
            if let Some(table) = parts.next() {
                self.tables.push(Table {
                    schema: parts.next().map(|schema| schema.value.clone()),
                    name: table.value.clone(),
                });
            }
            ControlFlow::Continue(())
        }
    }
    let mut finds = Finds::default();
    for statement in statements {
        let _goes_on = statement.visit(&mut finds);
    }
    let Finds {
        mut tables,
        defined,
    } = finds;
    tables.retain(|table| table.schema.is_some() || !defined.contains(&table.name));
    tables
}

/// `schema.table`, wherever it stands. A column of a table looks the same, and no schema has its name.
fn qualified_in(tokens: &[Token]) -> Vec<Table> {
    let qualified = tokens.windows(3).filter_map(|three| match three {
        [Token::Word(schema), Token::Period, Token::Word(name)] => Some(Table {
            schema: Some(schema.value.clone()),
            name: name.value.clone(),
        }),
        _ => None,
    });
    qualified.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(sql: &str) -> Vec<String> {
        let Said::Tables(tables) = read(DbBackend::Postgres, sql) else {
            panic!("{sql}")
        };
        let name = |table: Table| match table.schema {
            Some(schema) => format!("{schema}.{}", table.name),
            None => table.name,
        };
        tables.into_iter().map(name).collect()
    }

    #[test]
    fn tables_are_found_wherever_they_are_named() {
        for (sql, expected) in [
            (
                r#"SELECT * FROM "a"."book" b JOIN author ON true"#,
                "a.book author",
            ),
            (
                r#"INSERT INTO "a"."book" ("id") VALUES ($1) RETURNING "id""#,
                "a.book",
            ),
            (
                "UPDATE a.book SET x = (SELECT max(id) FROM b.book)",
                "a.book b.book",
            ),
            (
                "DELETE FROM a.book WHERE id IN (SELECT id FROM tag)",
                "a.book tag",
            ),
            (
                "WITH mine AS (SELECT * FROM a.book) SELECT * FROM mine",
                "a.book",
            ),
            // Text and comments are none.
            ("SELECT 'a.book' /* b.book */ -- c.book", ""),
            // What no parser knows.
            ("VACUUM VERY HARD a.book", "a.book"),
        ] {
            assert_eq!(tables(sql).join(" "), expected, "{sql}");
        }
    }

    #[test]
    fn the_search_path_is_read_in_all_its_spellings() {
        let path = |schemas: &[&str], is_local| Said::Path {
            schemas: schemas.iter().map(|&schema| schema.to_owned()).collect(),
            is_local,
        };
        for (sql, expected) in [
            (
                "SET search_path TO tenant_a, public",
                path(&["tenant_a", "public"], false),
            ),
            ("SET search_path = 'tenant_a'", path(&["tenant_a"], false)),
            (r#"set session search_path to "a-b""#, path(&["a-b"], false)),
            ("SET LOCAL search_path TO a", path(&["a"], true)),
            (
                "SELECT set_config('search_path', '\"a\", b', true)",
                path(&["a", "b"], true),
            ),
            (
                "SELECT set_config('search_path', $1, true) FROM x",
                Said::UnknownPath { is_local: true },
            ),
            ("RESET search_path", path(&["public"], false)),
            ("DISCARD ALL", path(&["public"], false)),
        ] {
            assert_eq!(read(DbBackend::Postgres, sql), expected, "{sql}");
        }
        let used = read(DbBackend::MySql, "USE `tenant_a`");
        assert_eq!(used, path(&["tenant_a"], false));
    }

    #[test]
    fn a_savepoint_ends_no_transaction() {
        let read = |sql| read(DbBackend::Postgres, sql);
        assert_eq!(read("ROLLBACK"), Said::Rollback);
        assert_eq!(read("COMMIT"), Said::Commit);
        assert_eq!(read("BEGIN"), Said::Begin);
        assert_eq!(read("ROLLBACK TO SAVEPOINT a"), Said::Tables(Vec::new()));
        assert!(matches!(read("RELEASE SAVEPOINT a"), Said::Tables(_)));
    }
}
