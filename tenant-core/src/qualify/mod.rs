//! The rewriter: puts a tenant's schema where SQL says `$tenant`.
//!
//! A statement passes here each time it runs, so this allocates once, or not at all when there is
//! no placeholder, and what SeaORM renders takes a short, vectorised way.
//!
//! It knows just enough of each server's lexical rules to tell a name from the inside of a
//! literal, a comment or a dollar-quoted body, in each server's default modes. In a session with
//! `standard_conforming_strings` off, or with MySQL's `NO_BACKSLASH_ESCAPES`, a literal in the text with
//! a backslash in front of a quote may end elsewhere than this thinks: what is in it may be rewritten,
//! and a name behind it may not be, which the server refuses. Values in parameters are never touched.
//! MySQL's `/*! */` is taken for a comment, so a placeholder in it fails.

mod lexicon;

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem::Finder;
use sea_orm::DbBackend;

use self::lexicon::{Lexeme, Lexicon};
use crate::{SchemaName, schema::identifier_quote};

/// What stands for the tenant's schema in SQL.
pub const PLACEHOLDER: &str = "$tenant";

/// A schema's name in the form in which it enters SQL, made once for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedSchema {
    identifier: Box<str>,
    /// For the rare literal, which is made when it is asked for.
    name: SchemaName,
    backend: DbBackend,
}

impl QuotedSchema {
    /// Quotes `schema` for `backend`.
    #[must_use]
    pub fn new(schema: &SchemaName, backend: DbBackend) -> Self {
        Self {
            identifier: schema.quoted(backend).into(),
            name: schema.clone(),
            backend,
        }
    }

    /// The kind of database that it is quoted for.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.backend
    }
}

/// Puts `schema` wherever `sql` names the placeholder, and returns `sql` as it is when it does not.
///
/// | in SQL | becomes | written by |
/// |---|---|---|
/// | `"$tenant"`, on MySQL `` `$tenant` `` | `"tenant_acme"` | SeaORM, of `schema_name = "$tenant"` |
/// | `"$tenant.mood"` | `"tenant_acme"."mood"` | SeaORM, of `enum_name = "$tenant.mood"` |
/// | `$tenant.book` | `"tenant_acme".book` | SeaORM in DDL, and people |
/// | `'$tenant'` | `'tenant_acme'` | catalogue queries |
///
/// Anything else inside a literal, a comment or a dollar-quoted body is left alone.
///
/// ```
/// # use {sea_orm::DbBackend, tenant_core::{qualify, QuotedSchema, SchemaName}};
/// let schema = QuotedSchema::new(&"tenant_acme".parse::<SchemaName>()?, DbBackend::Postgres);
/// assert_eq!(
///     qualify("SELECT 'a $tenant.book' FROM $tenant.book", &schema),
///     r#"SELECT 'a $tenant.book' FROM "tenant_acme".book"#,
/// );
/// # Ok::<(), tenant_core::InvalidSchemaName>(())
/// ```
#[must_use]
pub fn qualify<'a>(sql: &'a str, schema: &QuotedSchema) -> Cow<'a, str> {
    let Some(first) = FINDER.find(sql.as_bytes()) else {
        return Cow::Borrowed(sql);
    };
    let lexicon = Lexicon::of(schema.backend);
    let mut output = Output {
        sql,
        schema,
        text: String::new(),
        copied: 0,
    };
    if lexicon.has_only_names(sql.as_bytes()) {
        rewrite_names(&mut output, lexicon, first);
    } else {
        rewrite(&mut output, lexicon);
    }
    output.finish()
}

/// Prepared once: the search is vectorised, its preparation is not.
static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(PLACEHOLDER));

/// The short way, for SQL without literals, comments and dollar quotes: what SeaORM renders. A
/// placeholder is inside a quoted name when an odd number of quotes stands in front of it.
fn rewrite_names(output: &mut Output<'_, '_>, lexicon: &Lexicon, first: usize) {
    let bytes = output.sql.as_bytes();
    let quote = lexicon.identifier_quote();
    let mut inside = false;
    let mut counted = 0;
    let mut next = Some(first);
    while let Some(at) = next {
        let quotes = memchr::memchr_iter(quote, &bytes[counted..at]).count();
        inside ^= quotes % 2 == 1;
        counted = at;
        if !inside {
            output.bare(at);
        } else if bytes[at - 1] == quote && (at == 1 || bytes[at - 2] != quote) {
            output.identifier(at - 1);
        }
        let behind = at + PLACEHOLDER.len();
        next = FINDER.find(&bytes[behind..]).map(|found| behind + found);
    }
}

/// The long way: lexeme by lexeme.
fn rewrite(output: &mut Output<'_, '_>, lexicon: &Lexicon) {
    let bytes = output.sql.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let next = match lexicon.classify(*byte) {
            Lexeme::Plain => {
                at += 1;
                continue;
            }
            Lexeme::Identifier => {
                output.identifier(at);
                lexicon::end_of_quoted(bytes, at)
            }
            Lexeme::String => {
                output.string(at);
                lexicon.end_of_string(bytes, at)
            }
            // A numbered parameter: by far the most frequent use.
            Lexeme::Dollar if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {
                at += 2;
                continue;
            }
            Lexeme::Dollar => match lexicon.end_of_dollar_quoted(bytes, at) {
                Some(end) => end,
                None => {
                    output.bare(at);
                    Some(at + 1)
                }
            },
            Lexeme::Comment => lexicon.end_of_comment(bytes, at),
            Lexeme::Bracket => memchr::memchr(b']', &bytes[at..]).map(|end| at + end + 1),
        };
        match next {
            Some(next) => at = next,
            // Unterminated: the rest is inside.
            None => break,
        }
    }
}

/// What has been rewritten so far: `text`, then `sql` from `copied` on.
struct Output<'a, 's> {
    sql: &'a str,
    schema: &'s QuotedSchema,
    text: String,
    copied: usize,
}

impl<'a> Output<'a, '_> {
    /// A quoted identifier begins at `start`.
    fn identifier(&mut self, start: usize) {
        let bytes = self.sql.as_bytes();
        let quote = bytes[start];
        match self.behind_placeholder(start + 1) {
            Some(behind)
                if bytes.get(behind) == Some(&quote) && bytes.get(behind + 1) != Some(&quote) =>
            {
                self.put(start, behind + 1, &[&self.schema.identifier]);
            }
            // A schema inside one quoted name: closes it, and opens the rest as a name of its own.
            // A rest that is a placeholder again is nobody's table.
            Some(behind)
                if bytes.get(behind) == Some(&b'.')
                    && self.behind_placeholder(behind + 1).is_none() =>
            {
                let open = &self.sql[start..=start];
                self.put(start, behind + 1, &[&self.schema.identifier, ".", open]);
            }
            _ => {}
        }
    }

    /// A string literal begins at `start`. MySQL has them in double quotes too, and in its ANSI
    /// mode those are identifiers: the quotes stay as they are.
    fn string(&mut self, start: usize) {
        let bytes = self.sql.as_bytes();
        let quote = bytes[start];
        let Some(behind) = self.behind_placeholder(start + 1) else {
            return;
        };
        if bytes.get(behind) == Some(&quote) && bytes.get(behind + 1) != Some(&quote) {
            let literal = self.schema.name.literal();
            if quote == b'\'' {
                self.put(start, behind + 1, &[&literal]);
            } else {
                self.put(start + 1, behind, &[literal.trim_matches('\'')]);
            }
        }
    }

    /// A `$` outside of everything stands at `start`.
    fn bare(&mut self, start: usize) {
        let bytes = self.sql.as_bytes();
        if start > 0 && lexicon::is_identifier_part(bytes[start - 1]) {
            return;
        }
        if let Some(behind) = self.behind_placeholder(start)
            && bytes.get(behind) == Some(&b'.')
        {
            self.put(start, behind, &[&self.schema.identifier]);
        }
    }

    /// Where the placeholder at `start` ends, if one stands there.
    fn behind_placeholder(&self, start: usize) -> Option<usize> {
        self.sql.as_bytes()[start..]
            .starts_with(PLACEHOLDER.as_bytes())
            .then_some(start + PLACEHOLDER.len())
    }

    /// Replaces `start..end` of the SQL.
    fn put(&mut self, start: usize, end: usize, parts: &[&str]) {
        if self.copied == 0 {
            self.text.reserve_exact(self.capacity(start));
        }
        self.text.push_str(&self.sql[self.copied..start]);
        for part in parts {
            self.text.push_str(part);
        }
        self.copied = end;
    }

    /// Room for all that there can be from the first spelling on, which is at `start`, so that there
    /// is one allocation: `."` is the most that a spelling adds to the identifier.
    fn capacity(&self, start: usize) -> usize {
        let rest = &self.sql.as_bytes()[start + PLACEHOLDER.len()..];
        let places = 1 + FINDER.find_iter(rest).count();
        let growth = (self.schema.identifier.len() + 2).saturating_sub(PLACEHOLDER.len());
        self.sql.len() + places * growth
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.copied == 0 {
            return Cow::Borrowed(self.sql);
        }
        self.text.push_str(&self.sql[self.copied..]);
        Cow::Owned(self.text)
    }
}

/// The quoted identifier that SeaORM renders for `$tenant`.
pub(crate) fn quoted_placeholder(backend: DbBackend) -> String {
    let quote = identifier_quote(backend);
    format!("{quote}{PLACEHOLDER}{quote}")
}

#[cfg(test)]
mod tests;
