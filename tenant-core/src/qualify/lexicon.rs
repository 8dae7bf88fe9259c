//! The lexical rules of the three servers, as far as the rewriter needs them.
//!
//! PostgreSQL: "Lexical Structure" in its manual. MySQL: "String Literals", "Comments" and "Schema
//! Object Names". SQLite: `tokenize.c` and "SQLite Keywords".

use memchr::{memchr, memchr2, memchr3, memmem};
use sea_orm::DbBackend;

/// What a byte can begin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexeme {
    /// Nothing of interest.
    Plain,
    /// A quoted identifier.
    Identifier,
    /// A string literal.
    String,
    /// A dollar-quoted body, a placeholder, a parameter.
    Dollar,
    /// A comment, or an operator.
    Comment,
    /// SQLite's `[name]`.
    Bracket,
}

pub(super) struct Lexicon {
    first: [Lexeme; 256],
    server: Server,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Postgres,
    MySql,
    Sqlite,
}

static POSTGRES: Lexicon = Lexicon::new(Server::Postgres);
static MYSQL: Lexicon = Lexicon::new(Server::MySql);
static SQLITE: Lexicon = Lexicon::new(Server::Sqlite);

impl Lexicon {
    pub(super) fn of(backend: DbBackend) -> &'static Self {
        match backend {
            DbBackend::MySql => &MYSQL,
            DbBackend::Sqlite => &SQLITE,
            _ => &POSTGRES,
        }
    }

    const fn new(server: Server) -> Self {
        let mut first = [Lexeme::Plain; 256];
        first[b'\'' as usize] = Lexeme::String;
        first[b'$' as usize] = Lexeme::Dollar;
        first[b'-' as usize] = Lexeme::Comment;
        first[b'/' as usize] = Lexeme::Comment;
        match server {
            Server::Postgres => first[b'"' as usize] = Lexeme::Identifier,
            Server::MySql => {
                first[b'"' as usize] = Lexeme::String;
                first[b'`' as usize] = Lexeme::Identifier;
                first[b'#' as usize] = Lexeme::Comment;
            }
            Server::Sqlite => {
                first[b'"' as usize] = Lexeme::Identifier;
                first[b'`' as usize] = Lexeme::Identifier;
                first[b'[' as usize] = Lexeme::Bracket;
            }
        }
        Self { first, server }
    }

    /// The quote of identifiers in [`has_only_names`](Self::has_only_names) SQL.
    pub(super) fn identifier_quote(&self) -> u8 {
        match self.server {
            Server::MySql => b'`',
            Server::Postgres | Server::Sqlite => b'"',
        }
    }

    /// Whether nothing but quoted names can hide a placeholder: no literal, no comment, no dollar
    /// quote begins anywhere. May say no when it is so.
    pub(super) fn has_only_names(&self, bytes: &[u8]) -> bool {
        if memchr3(b'\'', b'-', b'/', bytes).is_some() {
            return false;
        }
        match self.server {
            Server::Postgres => !may_have_dollar_quotes(bytes),
            Server::MySql => memchr2(b'"', b'#', bytes).is_none(),
            Server::Sqlite => memchr2(b'`', b'[', bytes).is_none(),
        }
    }

    pub(super) fn classify(&self, byte: u8) -> Lexeme {
        self.first[usize::from(byte)]
    }

    /// Behind the string literal that begins at `start`, if it ends.
    pub(super) fn end_of_string(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let backslash_escapes = match self.server {
            Server::MySql => true,
            Server::Postgres => is_escape_string(bytes, start),
            Server::Sqlite => false,
        };
        if !backslash_escapes {
            return end_of_quoted(bytes, start);
        }
        let quote = bytes[start];
        let mut at = start + 1;
        loop {
            at += memchr2(quote, b'\\', bytes.get(at..)?)?;
            if bytes[at] == quote && bytes.get(at + 1) != Some(&quote) {
                return Some(at + 1);
            }
            // An escaped character, or a doubled quote.
            at += 2;
        }
    }

    /// Behind the comment that begins at `start`, if one does and ends; behind the byte, if none
    /// does.
    pub(super) fn end_of_comment(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let rest = &bytes[start..];
        match (rest[0], rest.get(1)) {
            (b'/', Some(b'*')) if self.server == Server::Postgres => nested(bytes, start),
            (b'/', Some(b'*')) => memmem::find(&rest[2..], b"*/").map(|end| start + 2 + end + 2),
            (b'#', _) => memchr(b'\n', rest).map(|end| start + end + 1),
            (b'-', Some(b'-')) => match self.server {
                Server::Postgres => memchr2(b'\n', b'\r', rest).map(|end| start + end + 1),
                Server::Sqlite => memchr(b'\n', rest).map(|end| start + end + 1),
                // Without white space behind it, `--` is two minus signs.
                Server::MySql => match rest.get(2) {
                    Some(byte) if *byte > b' ' && *byte != 0x7f => Some(start + 1),
                    _ => memchr(b'\n', rest).map(|end| start + end + 1),
                },
            },
            _ => Some(start + 1),
        }
    }

    /// `None` when no dollar-quoted body begins at `start`, where no digit follows; else behind
    /// it, if it ends.
    pub(super) fn end_of_dollar_quoted(&self, bytes: &[u8], start: usize) -> Option<Option<usize>> {
        if self.server != Server::Postgres || (start > 0 && is_identifier_part(bytes[start - 1])) {
            return None;
        }
        let tag = bytes[start + 1..]
            .iter()
            .position(|byte| *byte == b'$' || !is_identifier_part(*byte))?;
        let body = start + 1 + tag + 1;
        if bytes[body - 1] != b'$' {
            return None;
        }
        let delimiter = &bytes[start..body];
        Some(memmem::find(&bytes[body..], delimiter).map(|end| body + end + delimiter.len()))
    }
}

/// Behind the identifier or literal that begins at `start`, in which only its own quote is
/// special, by being doubled; if it ends.
pub(super) fn end_of_quoted(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes[start];
    let mut at = start + 1;
    // Names are short: a plain loop beats a vectorised search here.
    while let Some(byte) = bytes.get(at) {
        at += 1;
        if *byte == quote {
            if bytes.get(at) != Some(&quote) {
                return Some(at);
            }
            at += 1;
        }
    }
    None
}

/// Whether `byte` can be inside an unquoted identifier.
pub(super) fn is_identifier_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// A dollar quote's second `$` stands behind its tag, or behind the first. All that can end a tag
/// sorts behind the comma; what SeaORM puts in front of a parameter does not. Looks at every byte
/// without branching, so that it is vectorised: parameters make many dollars.
fn may_have_dollar_quotes(bytes: &[u8]) -> bool {
    let behind = bytes.get(1..).unwrap_or_default();
    bytes.iter().zip(behind).fold(false, |found, (byte, next)| {
        found | ((*next == b'$') & ((*byte > b',') | (*byte == b'$')))
    })
}

/// PostgreSQL's `E'..'`, in which a backslash escapes.
fn is_escape_string(bytes: &[u8], start: usize) -> bool {
    start > 0
        && matches!(bytes[start - 1], b'e' | b'E')
        && (start == 1 || !is_identifier_part(bytes[start - 2]))
}

/// Behind PostgreSQL's comment at `start`, which may hold comments, if it ends.
fn nested(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 1_usize;
    let mut at = start + 2;
    while depth > 0 {
        at += memchr2(b'*', b'/', bytes.get(at..)?)?;
        match bytes.get(at..at + 2)? {
            b"*/" => {
                depth -= 1;
                at += 2;
            }
            b"/*" => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    Some(at)
}
