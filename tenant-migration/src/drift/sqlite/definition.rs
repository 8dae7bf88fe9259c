use sea_orm::DbBackend;

use crate::drift::lexer::{Token, TokenKind, tokens};

/// What a `CREATE TABLE` statement says that SQLite's pragmas do not.
///
/// SQLite keeps the text of the statement, and `ALTER TABLE` edits that text. So two tables of one
/// shape may be written in different ways; what is read here does not depend on the way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TableDefinition {
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) checks: Vec<Check>,
    /// The columns of each foreign key that is checked at the end of a transaction.
    pub(super) deferred_keys: Vec<Vec<String>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ColumnDefinition {
    pub(super) name: String,
    pub(super) collation: Option<String>,
    pub(super) generated: Option<String>,
    pub(super) is_autoincrement: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: Option<String>,
    pub(super) expression: String,
}

impl TableDefinition {
    pub(super) fn parse(sql: &str) -> Self {
        let tokens: Vec<Token<'_>> = tokens(DbBackend::Sqlite, sql)
            .into_iter()
            .filter(Token::is_significant)
            .collect();
        let mut table = Self::default();
        let Some(open) = tokens.iter().position(|token| token.is_symbol("(")) else {
            return table;
        };
        let items = tokens.get(open + 1..).unwrap_or_default();
        let items = items.get(..end_of_group(items)).unwrap_or_default();
        for item in split_at_commas(items) {
            table.add_item(item);
        }
        table
    }

    /// A column, or a constraint of the table.
    fn add_item(&mut self, item: &[Token<'_>]) {
        let Some(first) = item.first() else { return };
        let is_constraint = ["constraint", "primary", "unique", "check", "foreign"]
            .iter()
            .any(|keyword| first.is_keyword(keyword));
        if is_constraint {
            self.add_clauses(item, None);
            return;
        }
        let column = ColumnDefinition {
            name: first.unquoted(),
            ..ColumnDefinition::default()
        };
        let rest = item.get(1..).unwrap_or_default();
        let column = self.add_clauses(rest, Some(column));
        self.columns.extend(column);
    }

    fn add_clauses(
        &mut self,
        tokens: &[Token<'_>],
        mut column: Option<ColumnDefinition>,
    ) -> Option<ColumnDefinition> {
        let mut name = None;
        let mut keys = column.iter().map(|column| column.name.clone()).collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            let rest = tokens.get(at..).unwrap_or_default();
            if token.is_symbol("(") {
                at += end_of_group(rest) + 1;
            } else if token.is_keyword("constraint") {
                name = rest.first().map(Token::unquoted);
                at += 1;
            } else if token.is_keyword("check") {
                self.checks.push(Check {
                    name: name.take(),
                    expression: normal(group(rest)),
                });
            } else if token.is_keyword("foreign") {
                // `KEY (a, b)`
                keys = group(rest.get(1..).unwrap_or_default())
                    .iter()
                    .filter(|token| token.is_name())
                    .map(Token::unquoted)
                    .collect();
            } else if token.is_keyword("initially")
                && rest.first().is_some_and(|next| next.is_keyword("deferred"))
                && !is_not_deferrable(tokens, at)
            {
                self.deferred_keys.push(std::mem::take(&mut keys));
            } else if let Some(column) = &mut column {
                if token.is_keyword("collate") {
                    column.collation = rest.first().map(|name| name.unquoted().to_lowercase());
                    at += 1;
                } else if token.is_keyword("autoincrement") {
                    column.is_autoincrement = true;
                } else if token.is_keyword("as") {
                    column.generated = Some(normal(group(rest)));
                }
            }
        }
        column
    }
}

/// A piece of SQL in one spelling: one space between words, no comments, names and keywords in lower
/// case, and quotes only where they are needed.
pub(super) fn normalised(sql: &str) -> String {
    let tokens: Vec<Token<'_>> = tokens(DbBackend::Sqlite, sql)
        .into_iter()
        .filter(Token::is_significant)
        .collect();
    normal(&tokens)
}

fn normal(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    let mut before: Option<&Token<'_>> = None;
    for token in tokens {
        let is_tight = match before {
            None => true,
            Some(before) => {
                [")", ",", ".", ";"]
                    .iter()
                    .any(|mark| token.is_symbol(mark))
                    || (token.is_symbol("(") && before.is_name())
                    || before.is_symbol("(")
                    || before.is_symbol(".")
            }
        };
        if !is_tight {
            text.push(' ');
        }
        match token.kind {
            TokenKind::Name => text.push_str(&token.text.to_lowercase()),
            TokenKind::QuotedName => {
                let name = token.unquoted();
                let is_plain = name
                    .chars()
                    .next()
                    .is_some_and(|first| !first.is_ascii_digit())
                    && name.chars().all(|c| c.is_alphanumeric() || c == '_');
                if is_plain {
                    text.push_str(&name.to_lowercase());
                } else {
                    text.push_str(&format!("\"{}\"", name.replace('"', "\"\"")));
                }
            }
            _ => text.push_str(token.text),
        }
        before = Some(token);
    }
    text
}

/// What is in the parentheses that begin here.
fn group<'a, 'b>(tokens: &'a [Token<'b>]) -> &'a [Token<'b>] {
    let within = tokens.get(1..).unwrap_or_default();
    within.get(..end_of_group(within)).unwrap_or_default()
}

/// Where the parenthesis is that closes the group in which the tokens are.
fn end_of_group(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            let Some(less) = depth.checked_sub(1) else {
                return at;
            };
            depth = less;
        }
    }
    tokens.len()
}

fn split_at_commas<'a, 'b>(tokens: &'a [Token<'b>]) -> Vec<&'a [Token<'b>]> {
    let mut depth = 0_usize;
    tokens
        .split(|token| {
            if token.is_symbol("(") {
                depth += 1;
            } else if token.is_symbol(")") {
                depth = depth.saturating_sub(1);
            }
            depth == 0 && token.is_symbol(",")
        })
        .collect()
}

/// Whether `NOT DEFERRABLE` is in front of the `INITIALLY` that ends at `at`.
fn is_not_deferrable(tokens: &[Token<'_>], at: usize) -> bool {
    at.checked_sub(3)
        .and_then(|not| tokens.get(not))
        .is_some_and(|token| token.is_keyword("not"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_says_the_same_in_any_spelling() {
        let one = TableDefinition::parse(
            "CREATE TABLE book (id INTEGER PRIMARY KEY AUTOINCREMENT, title varchar(10) COLLATE NOCASE \
             NOT NULL CHECK (length(title) > 0), twice int AS (id*2) STORED, CONSTRAINT big CHECK(id>=1))",
        );
        let other = TableDefinition::parse(
            "CREATE TABLE \"book\"(\n\"id\" integer primary key autoincrement, -- (a comment\n\
             [title] varchar(10) default ('check (x)') collate nocase not null check(length(\"title\")>0),\n\
             twice int generated always as (id * 2) stored, constraint `big` check ( id >= 1 ))",
        );
        assert_eq!(one, other);
        assert_eq!(one.columns.len(), 3);
        assert!(one.columns[0].is_autoincrement);
        assert_eq!(one.columns[1].collation.as_deref(), Some("nocase"));
        assert_eq!(one.columns[2].generated.as_deref(), Some("id * 2"));
        let checks: Vec<(Option<&str>, &str)> = one
            .checks
            .iter()
            .map(|check| (check.name.as_deref(), check.expression.as_str()))
            .collect();
        assert_eq!(
            checks,
            [(None, "length(title) > 0"), (Some("big"), "id >= 1")]
        );
    }

    #[test]
    fn foreign_keys_may_be_deferred() {
        let table = TableDefinition::parse(
            "CREATE TABLE t (a REFERENCES x DEFERRABLE INITIALLY DEFERRED, b REFERENCES x, \
             c REFERENCES x NOT DEFERRABLE INITIALLY DEFERRED, d, \
             FOREIGN KEY (b, d) REFERENCES y (b, d) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)",
        );
        assert_eq!(table.deferred_keys, [vec!["a"], vec!["b", "d"]]);
        assert_eq!(table.columns.len(), 4);
    }

    #[test]
    fn what_is_no_table_has_nothing() {
        for sql in [
            "",
            "CREATE TABLE",
            "CREATE TABLE t (",
            "CREATE TABLE t (,(,",
        ] {
            assert_eq!(TableDefinition::parse(sql).checks, []);
        }
    }

    #[test]
    fn spelling_is_normal() {
        assert_eq!(
            normalised(
                "CREATE  INDEX \"a\" ON [b]( \"x y\" DESC,lower(c) ) WHERE d>='It' /* no */"
            ),
            "create index a on b(\"x y\" desc, lower(c)) where d >= 'It'"
        );
    }
}
