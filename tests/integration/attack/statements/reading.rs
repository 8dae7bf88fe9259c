//! What a statement names, according to a parser that knows nothing of this project.

use std::{collections::HashSet, ops::ControlFlow};

use sea_orm::DbBackend;
use sea_orm_tenant::{PLACEHOLDER, SchemaName};
use sqlparser::{
    ast::{ObjectName, Query, Statement, Visit as _, Visitor},
    dialect::{Dialect, MySqlDialect, PostgreSqlDialect, SQLiteDialect},
    parser::{Parser, ParserError},
    tokenizer::{Token, Tokenizer},
};

const SCOPED: [&str; 5] = ["author", "book", "tag", "book_tag", "review"];
const SHARED: &str = "genre";

/// One statement, read.
pub struct Reading {
    backend: DbBackend,
    sql: String,
    tokens: Vec<Token>,
    relations: Vec<Vec<String>>,
    /// Of common table expressions.
    named_here: HashSet<String>,
}

impl Reading {
    pub fn of(backend: DbBackend, sql: &str) -> Result<Self, ParserError> {
        // MySQL's older words, which the parser does not know.
        let parsed = sql.strip_suffix(" LOCK IN SHARE MODE").unwrap_or(sql);
        let statements = Parser::parse_sql(dialect(backend), parsed)?;
        assert_eq!(statements.len(), 1, "{sql}");
        let mut names = Names::default();
        for statement in &statements {
            let _ = Statement::visit(statement, &mut names);
        }
        Ok(Self {
            backend,
            sql: sql.to_owned(),
            tokens: tokens(backend, sql)?,
            relations: names.relations,
            named_here: names.named_here,
        })
    }

    /// Every tenant's table is in this schema, and nothing else is in any.
    #[track_caller]
    pub fn assert_inside(&self, schema: &SchemaName) {
        let sql = &self.sql;
        assert!(!self.relations.is_empty(), "no table in {sql}");
        for relation in &self.relations {
            let names: Vec<_> = relation.iter().map(String::as_str).collect();
            match names.as_slice() {
                [schema_of, table] if SCOPED.contains(table) => {
                    assert_eq!(*schema_of, schema.as_str(), "{table} in {sql}");
                }
                [table] => assert!(
                    *table == SHARED || self.named_here.contains(*table),
                    "{table} is in no schema in {sql}"
                ),
                other => panic!("{other:?} in {sql}"),
            }
        }
    }

    /// Nothing differs from what SeaORM rendered but the schema, where the placeholder was: no
    /// literal, no comment, no table that somebody lost.
    #[track_caller]
    pub fn assert_only_qualified(&self, rendered: &str, schema: &SchemaName) {
        let rendered = tokens(self.backend, rendered).unwrap();
        let expected: Vec<_> = rendered
            .iter()
            .flat_map(|token| place(token, schema))
            .collect();
        let found: Vec<_> = self.tokens.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{}", self.sql);
    }

    pub fn scoped_tables(&self) -> impl Iterator<Item = &str> {
        self.relations
            .iter()
            .filter_map(|names| names.get(1).map(String::as_str))
    }

    /// How many text literals it has.
    pub fn literals(&self) -> usize {
        let is_literal = |token: &&Token| {
            matches!(
                token,
                Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_)
            )
        };
        self.tokens.iter().filter(is_literal).count()
    }
}

/// What stands for a token once the tenant is known.
fn place(token: &Token, schema: &SchemaName) -> Vec<String> {
    let schema = schema.as_str();
    let quoted = |quote: char, text: &str| format!("{quote}{text}{quote}");
    match token {
        Token::Word(word) => match (word.quote_style, word.value.strip_prefix(PLACEHOLDER)) {
            (Some(quote), Some("")) => vec![quoted(quote, schema)],
            (Some(quote), Some(rest)) if rest.starts_with('.') => {
                vec![quoted(quote, schema), ".".into(), quoted(quote, &rest[1..])]
            }
            _ => vec![token.to_string()],
        },
        Token::SingleQuotedString(text) if text == PLACEHOLDER => vec![quoted('\'', schema)],
        _ => vec![token.to_string()],
    }
}

fn tokens(backend: DbBackend, sql: &str) -> Result<Vec<Token>, ParserError> {
    // As it is written: unescaped, two literals could look the same.
    let mut tokenizer = Tokenizer::new(dialect(backend), sql).with_unescape(false);
    Ok(tokenizer.tokenize()?)
}

fn dialect(backend: DbBackend) -> &'static dyn Dialect {
    match backend {
        DbBackend::MySql => &MySqlDialect {},
        DbBackend::Sqlite => &SQLiteDialect {},
        _ => &PostgreSqlDialect {},
    }
}

#[derive(Default)]
struct Names {
    relations: Vec<Vec<String>>,
    named_here: HashSet<String>,
}

impl Names {
    fn note(&mut self, relation: &ObjectName) {
        let names = relation.0.iter().map(|part| {
            let name = part.as_ident().expect("no name that is computed");
            name.value.clone()
        });
        self.relations.push(names.collect());
    }
}

impl Visitor for Names {
    type Break = ();

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        self.note(relation);
        ControlFlow::Continue(())
    }

    /// What is dropped may be no table, to the parser.
    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        if let Statement::Drop { names, .. } = statement {
            names.iter().for_each(|name| self.note(name));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for expression in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.named_here.insert(expression.alias.name.value.clone());
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn tables_elsewhere_are_noticed() {
    let schema = SchemaName::from_static("tenant_acme");
    for sql in [
        r#"SELECT 1 FROM "book""#,
        r#"SELECT 1 FROM "public"."book""#,
        r#"SELECT 1 FROM "tenant_acme"."book" WHERE EXISTS (SELECT 1 FROM "tenant_globex"."tag")"#,
        r#"SELECT (SELECT count(*) FROM "book")"#,
        r#"SELECT 1 FROM "tenant_acme"."genre""#,
        r#"DELETE FROM "tenant_acme"."book" USING "tag""#,
        r#"INSERT INTO "book" ("id") SELECT "id" FROM "tenant_acme"."book""#,
        r#"UPDATE "tenant_acme"."book" SET "id" = (SELECT 1 FROM "$tenant"."book")"#,
        r#"WITH "x" AS (SELECT 1 FROM "book") SELECT 1 FROM "x""#,
    ] {
        let reading = Reading::of(DbBackend::Postgres, sql).unwrap();
        let noticed = std::panic::catch_unwind(|| reading.assert_inside(&schema));
        assert!(noticed.is_err(), "{sql}");
    }
}

#[test]
fn a_literal_that_changed_is_noticed() {
    let schema = SchemaName::from_static("acme");
    let rendered = r#"SELECT 'the $tenant.book' FROM "$tenant"."book""#;
    for (sql, is_well) in [
        (r#"SELECT 'the $tenant.book' FROM "acme"."book""#, true),
        (r#"SELECT 'the "acme".book' FROM "acme"."book""#, false),
        (r#"SELECT 'the $tenant.book' FROM "acme"."tag""#, false),
    ] {
        let reading = Reading::of(DbBackend::Postgres, sql).unwrap();
        let compared =
            std::panic::catch_unwind(|| reading.assert_only_qualified(rendered, &schema));
        assert_eq!(compared.is_ok(), is_well, "{sql}");
    }
}
