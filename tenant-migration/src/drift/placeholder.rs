use std::collections::BTreeSet;

use sea_orm::DbBackend;

use super::lexer::{Token, TokenKind, tokens};

/// What a schema's own name reads in its structure.
const PLACEHOLDER: &str = "$tenant";

/// Puts `$tenant` in the place of a schema's own name in definitions, so that tenants of the same
/// shape compare equal.
///
/// The name is replaced where it qualifies another (`tenant_a.book`, `"tenant_a".book`), in a list
/// of schemas (`SET search_path = tenant_a, public`), and in the literals that PostgreSQL itself
/// takes for names (`'tenant_a.book_id_seq'::regclass`, `nextval('tenant_a.book_id_seq')`). All
/// other literals and comments are text that only resembles it.
#[derive(Debug)]
pub(super) struct Placeholder<'a> {
    backend: DbBackend,
    schema: &'a str,
    /// What can follow the schema's name, where a table is called as the schema is: then
    /// `book.title` is a column, and `book.book` the table.
    objects: Option<BTreeSet<String>>,
}

impl<'a> Placeholder<'a> {
    /// `objects` are the names of what the schema holds.
    pub(super) fn new(
        backend: DbBackend,
        schema: &'a str,
        objects: impl IntoIterator<Item = String>,
    ) -> Self {
        let objects: BTreeSet<String> = objects.into_iter().collect();
        Self {
            backend,
            schema,
            objects: objects.contains(schema).then_some(objects),
        }
    }

    /// The piece of SQL with the schema's name replaced.
    pub(super) fn put_into(&self, sql: &str) -> String {
        let pieces: Vec<Token<'_>> = tokens(self.backend, sql);
        let significant: Vec<usize> = pieces
            .iter()
            .enumerate()
            .filter(|(_, token)| token.is_significant())
            .map(|(at, _)| at)
            .collect();
        let tokens: Vec<Token<'_>> = significant
            .iter()
            .filter_map(|at| pieces.get(*at).copied())
            .collect();

        let mut replaced: Vec<Option<String>> = vec![None; pieces.len()];
        let mut in_search_path = false;
        for (at, token) in tokens.iter().enumerate() {
            in_search_path = match token.kind {
                _ if begins_search_path(&tokens, at) => true,
                TokenKind::Symbol => in_search_path && token.text == ",",
                _ => in_search_path,
            };
            if let Some(slot) = significant.get(at).and_then(|at| replaced.get_mut(*at)) {
                *slot = self.replacement(&tokens, at, in_search_path);
            }
        }
        pieces
            .iter()
            .zip(&replaced)
            .map(|(token, replacement)| replacement.as_deref().unwrap_or(token.text))
            .collect()
    }

    fn replacement(&self, tokens: &[Token<'_>], at: usize, in_search_path: bool) -> Option<String> {
        let token = tokens.get(at)?;
        match token.kind {
            TokenKind::Name | TokenKind::QuotedName => {
                let is_replaced =
                    self.is_schema(token) && (in_search_path || self.is_qualifier(tokens, at));
                is_replaced.then(|| PLACEHOLDER.to_owned())
            }
            TokenKind::Literal if in_search_path => {
                (token.unquoted() == self.schema).then(|| format!("'{PLACEHOLDER}'"))
            }
            TokenKind::Literal if self.is_name_literal(tokens, at) => {
                let within = self.put_into(&token.unquoted());
                Some(format!("'{}'", within.replace('\'', "''")))
            }
            TokenKind::DollarQuoted => {
                let tag = token.text.get(1..)?.find('$')? + 2;
                let body = token.text.get(tag..)?;
                let (before, end) = body.split_at_checked(body.len().checked_sub(tag)?)?;
                let tag = token.text.get(..tag)?;
                Some(format!("{tag}{}{end}", self.put_into(before)))
            }
            _ => None,
        }
    }

    /// By each server's own rule: PostgreSQL folds unquoted names, SQLite all, and MySQL none.
    fn is_schema(&self, token: &Token<'_>) -> bool {
        match (self.backend, token.kind) {
            (DbBackend::Sqlite, _) => token.unquoted().eq_ignore_ascii_case(self.schema),
            (DbBackend::Postgres, TokenKind::Name) => {
                token.text.to_ascii_lowercase() == self.schema
            }
            _ => token.unquoted() == self.schema,
        }
    }

    /// Whether a dot and the name of an object follow, and no dot is in front.
    fn is_qualifier(&self, tokens: &[Token<'_>], at: usize) -> bool {
        let is_dot = |token: Option<&Token<'_>>| token.is_some_and(|token| token.is_symbol("."));
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let name = tokens.get(at + 2).filter(|token| token.is_name());
        let (true, false, Some(name)) = (is_dot(tokens.get(at + 1)), is_dot(before), name) else {
            return false;
        };
        match &self.objects {
            None => true,
            Some(objects) => objects.contains(&name.unquoted()),
        }
    }

    /// Whether PostgreSQL takes the literal for the name of an object.
    fn is_name_literal(&self, tokens: &[Token<'_>], at: usize) -> bool {
        let back = |count: usize| at.checked_sub(count).and_then(|at| tokens.get(at));
        let is_cast = tokens
            .get(at + 1)
            .is_some_and(|token| token.is_symbol("::"))
            && tokens.get(at + 2).is_some_and(|token| {
                token.kind == TokenKind::Name && token.text.starts_with("reg")
            });
        let is_argument = back(1).is_some_and(|token| token.is_symbol("("))
            && back(2).is_some_and(|function| {
                [
                    "nextval",
                    "currval",
                    "setval",
                    "to_regclass",
                    "to_regtype",
                    "to_regproc",
                ]
                .iter()
                .any(|name| function.is_keyword(name))
            });
        self.backend == DbBackend::Postgres && (is_cast || is_argument)
    }
}

/// Whether `search_path =` or `search_path TO` ends here.
fn begins_search_path(tokens: &[Token<'_>], at: usize) -> bool {
    let is = |at: Option<usize>, test: fn(&Token<'_>) -> bool| {
        at.and_then(|at| tokens.get(at)).is_some_and(test)
    };
    is(at.checked_sub(1), |token| token.is_keyword("search_path"))
        && is(Some(at), |token| {
            token.is_symbol("=") || token.is_keyword("to")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(backend: DbBackend, sql: &str) -> String {
        Placeholder::new(backend, "tenant_a", []).put_into(sql)
    }

    #[test]
    fn names_are_replaced_where_they_qualify() {
        for (sql, expected) in [
            ("tenant_a.book", "$tenant.book"),
            (r#""tenant_a"."book""#, r#"$tenant."book""#),
            ("TENANT_A . book", "$tenant . book"),
            (
                "tenant_ab.book, xtenant_a.book",
                "tenant_ab.book, xtenant_a.book",
            ),
            ("tenant_a, x.tenant_a.y", "tenant_a, x.tenant_a.y"),
            (r#""TENANT_A".book"#, r#""TENANT_A".book"#),
            ("public.genre", "public.genre"),
            ("'glad'::tenant_a.mood", "'glad'::$tenant.mood"),
            ("1.5 + tenant_a.f(2)", "1.5 + $tenant.f(2)"),
        ] {
            assert_eq!(put(DbBackend::Postgres, sql), expected);
        }
    }

    #[test]
    fn literals_and_comments_are_left_alone() {
        for sql in [
            "'tenant_a.book'",
            "'it''s tenant_a.book'::text",
            "E'\\'tenant_a.book'",
            "-- tenant_a.book",
            "/* tenant_a.book */ x",
        ] {
            assert_eq!(put(DbBackend::Postgres, sql), sql);
        }
        let sql = r#"select "tenant_a.book" # tenant_a.book"#;
        assert_eq!(put(DbBackend::MySql, sql), sql);
    }

    #[test]
    fn literals_that_are_names_are_replaced() {
        for (sql, expected) in [
            (
                "nextval('tenant_a.book_id_seq'::regclass)",
                "nextval('$tenant.book_id_seq'::regclass)",
            ),
            (
                r#"setval('"tenant_a".s', 1) + currval('tenant_ab.s')"#,
                r"setval('$tenant.s', 1) + currval('tenant_ab.s')",
            ),
        ] {
            assert_eq!(put(DbBackend::Postgres, sql), expected);
        }
    }

    #[test]
    fn search_paths_hold_schemas() {
        for (sql, expected) in [
            (
                "search_path=tenant_a, public",
                "search_path=$tenant, public",
            ),
            (
                "SET LOCAL search_path TO 'tenant_a', tenant_ab; SELECT tenant_a",
                "SET LOCAL search_path TO '$tenant', tenant_ab; SELECT tenant_a",
            ),
        ] {
            assert_eq!(put(DbBackend::Postgres, sql), expected);
        }
    }

    #[test]
    fn bodies_are_sql_too() {
        assert_eq!(
            put(
                DbBackend::Postgres,
                "$x$ select 'tenant_a.b', tenant_a.b $x$"
            ),
            "$x$ select 'tenant_a.b', $tenant.b $x$"
        );
    }

    #[test]
    fn mysql_names_have_backticks_and_case() {
        assert_eq!(
            put(
                DbBackend::MySql,
                "`tenant_a`.`book`.`id`, Tenant_a.x, tenant_a.x"
            ),
            "$tenant.`book`.`id`, Tenant_a.x, $tenant.x"
        );
        let digits = Placeholder::new(DbBackend::MySql, "1a", []);
        assert_eq!(digits.put_into("1a.b + 1.5"), "$tenant.b + 1.5");
    }

    #[test]
    fn a_table_may_be_called_as_the_schema_is() {
        let objects = ["tenant_a", "mood"].map(str::to_owned);
        let placeholder = Placeholder::new(DbBackend::Postgres, "tenant_a", objects);
        assert_eq!(
            placeholder.put_into("tenant_a.id FROM tenant_a.tenant_a, tenant_a.mood"),
            "tenant_a.id FROM $tenant.tenant_a, $tenant.mood"
        );
    }
}
