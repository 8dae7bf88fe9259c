use sea_orm::DbBackend;

/// The tokens of a piece of SQL, without gaps: their texts together are the piece itself.
///
/// The rules are the servers': "Lexical Structure" in PostgreSQL's manual; "String Literals",
/// "Comments" and "Schema Object Names" in MySQL's; `tokenize.c` of SQLite. What does not end runs
/// to the end of the piece.
pub(super) fn tokens(backend: DbBackend, sql: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        backend,
        sql,
        bytes: sql.as_bytes(),
        at: 0,
    };
    let mut tokens = Vec::new();
    while lexer.at < sql.len() {
        let start = lexer.at;
        let kind = lexer.advance();
        let text = sql.get(start..lexer.at).unwrap_or_default();
        tokens.push(Token { kind, text });
    }
    tokens
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An identifier or a keyword, unquoted.
    Name,
    /// An identifier in its quotes.
    QuotedName,
    /// A string in its quotes.
    Literal,
    /// A string in PostgreSQL's `$tag$ .. $tag$`.
    DollarQuoted,
    Number,
    Comment,
    Space,
    /// An operator or a punctuation mark.
    Symbol,
}

impl Token<'_> {
    /// Whether it is this keyword, which is given in lower case.
    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        self.kind == TokenKind::Name && self.text.eq_ignore_ascii_case(keyword)
    }

    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == TokenKind::Symbol && self.text == symbol
    }

    pub(super) fn is_name(&self) -> bool {
        matches!(self.kind, TokenKind::Name | TokenKind::QuotedName)
    }

    /// Whether it says something.
    pub(super) fn is_significant(&self) -> bool {
        !matches!(self.kind, TokenKind::Comment | TokenKind::Space)
    }

    /// The text within the quotes, unescaped; the text itself where there are none.
    pub(super) fn unquoted(&self) -> String {
        if !matches!(self.kind, TokenKind::QuotedName | TokenKind::Literal) {
            return self.text.to_owned();
        }
        let mut characters = self.text.chars();
        let quote = characters.next().unwrap_or('"');
        characters.next_back();
        let within = characters.as_str();
        match quote {
            '[' => within.to_owned(),
            _ => within.replace(&String::from_iter([quote, quote]), &String::from(quote)),
        }
    }
}

/// Operators of more than one character, longest first. A comment's beginning is none.
const OPERATORS: [&str; 12] = [
    "->>", "::", ":=", ">=", "<=", "<>", "!=", "==", "||", "<<", ">>", "->",
];

struct Lexer<'a> {
    backend: DbBackend,
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Lexer<'_> {
    /// Goes behind the token that begins here.
    fn advance(&mut self) -> TokenKind {
        let is_mysql = self.backend == DbBackend::MySql;
        match self.byte(0) {
            byte if byte.is_ascii_whitespace() => {
                self.skip_while(|byte| byte.is_ascii_whitespace());
                TokenKind::Space
            }
            b'\'' => self.quoted(b'\'', is_mysql, TokenKind::Literal),
            b'"' if is_mysql => self.quoted(b'"', true, TokenKind::Literal),
            b'"' => self.quoted(b'"', false, TokenKind::QuotedName),
            b'`' if self.backend != DbBackend::Postgres => {
                self.quoted(b'`', false, TokenKind::QuotedName)
            }
            b'[' if self.backend == DbBackend::Sqlite => {
                self.skip_to("]");
                TokenKind::QuotedName
            }
            b'e' | b'E' if self.backend == DbBackend::Postgres && self.byte(1) == b'\'' => {
                self.at += 1;
                self.quoted(b'\'', true, TokenKind::Literal)
            }
            b'-' if self.byte(1) == b'-' => self.line_comment(),
            b'#' if is_mysql => self.line_comment(),
            b'/' if self.byte(1) == b'*' => self.block_comment(),
            b'$' if self.backend == DbBackend::Postgres && self.dollar_quoted() => {
                TokenKind::DollarQuoted
            }
            byte if is_identifier_part(byte) => self.word(),
            _ => self.symbol(),
        }
    }

    /// The byte so far ahead; nothing behind the end.
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or_default()
    }

    fn skip_while(&mut self, belongs: impl Fn(u8) -> bool) {
        while self.at < self.bytes.len() && belongs(self.byte(0)) {
            self.at += 1;
        }
    }

    /// Behind the next `end`.
    fn skip_to(&mut self, end: &str) {
        let rest = self.sql.get(self.at..).unwrap_or_default();
        self.at += rest.find(end).map_or(rest.len(), |at| at + end.len());
    }

    fn quoted(&mut self, quote: u8, backslash_escapes: bool, kind: TokenKind) -> TokenKind {
        self.at += 1;
        while self.at < self.bytes.len() {
            let byte = self.byte(0);
            let is_escape =
                (backslash_escapes && byte == b'\\') || (byte == quote && self.byte(1) == quote);
            if is_escape {
                self.at += 1;
                // Of a character of more bytes than one, the others are no quotes.
                self.at += usize::from(self.at < self.bytes.len());
                continue;
            }
            self.at += 1;
            if byte == quote {
                break;
            }
        }
        kind
    }

    fn line_comment(&mut self) -> TokenKind {
        self.skip_while(|byte| byte != b'\n');
        TokenKind::Comment
    }

    /// PostgreSQL's comments hold comments.
    fn block_comment(&mut self) -> TokenKind {
        let mut depth = 0_usize;
        while self.at < self.bytes.len() {
            match (self.byte(0), self.byte(1)) {
                (b'/', b'*') if depth == 0 || self.backend == DbBackend::Postgres => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth = depth.saturating_sub(1);
                    self.at += 2;
                }
                _ => self.at += 1,
            }
            if depth == 0 {
                break;
            }
        }
        TokenKind::Comment
    }

    /// Whether a dollar-quoted string begins here; it is then left behind.
    fn dollar_quoted(&mut self) -> bool {
        let rest = self.sql.get(self.at..).unwrap_or_default();
        let behind = rest.get(1..).unwrap_or_default();
        let Some(length) = behind.find('$') else {
            return false;
        };
        let tag = &behind.as_bytes()[..length];
        if tag.first().is_some_and(u8::is_ascii_digit)
            || !tag.iter().all(|byte| is_identifier_part(*byte))
        {
            return false;
        }
        let delimiter = rest.get(..length + 2).unwrap_or_default();
        self.at += delimiter.len();
        self.skip_to(delimiter);
        true
    }

    /// MySQL's names may begin with digits.
    fn word(&mut self) -> TokenKind {
        let start = self.at;
        self.skip_while(is_identifier_part);
        let word = self.bytes.get(start..self.at).unwrap_or_default();
        let is_number = match self.backend {
            DbBackend::MySql => word.iter().all(u8::is_ascii_digit),
            _ => word.first().is_some_and(u8::is_ascii_digit),
        };
        if is_number {
            TokenKind::Number
        } else {
            TokenKind::Name
        }
    }

    fn symbol(&mut self) -> TokenKind {
        let rest = self.sql.get(self.at..).unwrap_or_default();
        let operator = OPERATORS
            .iter()
            .find(|operator| rest.starts_with(**operator));
        self.at += operator.map_or(1, |operator| operator.len());
        TokenKind::Symbol
    }
}

/// Whether `byte` can be inside an unquoted identifier.
fn is_identifier_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn significant(backend: DbBackend, sql: &str) -> Vec<(TokenKind, &str)> {
        tokens(backend, sql)
            .into_iter()
            .filter(Token::is_significant)
            .map(|token| (token.kind, token.text))
            .collect()
    }

    #[test]
    fn quotes_are_each_servers_own() {
        use TokenKind::{DollarQuoted, Literal, Name, QuotedName, Symbol};
        assert_eq!(
            significant(
                DbBackend::Postgres,
                r#"a."b""c" 'it''s' E'\'' $x$ ' $x$ $1"#
            ),
            [
                (Name, "a"),
                (Symbol, "."),
                (QuotedName, r#""b""c""#),
                (Literal, "'it''s'"),
                (Literal, r"E'\''"),
                (DollarQuoted, "$x$ ' $x$"),
                (Name, "$1"),
            ]
        );
        assert_eq!(
            significant(DbBackend::MySql, r#"`a`"b\"c"'\'' # it's"#),
            [
                (QuotedName, "`a`"),
                (Literal, r#""b\"c""#),
                (Literal, r"'\''")
            ]
        );
        assert_eq!(
            significant(DbBackend::Sqlite, r"[a b] '\' `c` -- it's"),
            [
                (QuotedName, "[a b]"),
                (Literal, r"'\'"),
                (QuotedName, "`c`")
            ]
        );
    }

    #[test]
    fn comments_nest_on_postgres_alone() {
        let sql = "/* a /* b */ c */ d";
        assert_eq!(
            significant(DbBackend::Postgres, sql),
            [(TokenKind::Name, "d")]
        );
        assert_eq!(significant(DbBackend::Sqlite, sql).len(), 4);
    }

    #[test]
    fn nothing_is_lost() {
        const PIECES: [&str; 16] = [
            "'", "\"", "`", "$", "$a$", "[", "]", "/*", "*/", "--", "#", "\\", "é", "e", "\n", "1",
        ];
        let mut seed = 1_u64;
        for _ in 0..5000 {
            let mut sql = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                sql.push_str(PIECES[usize::try_from(seed >> 60).unwrap()]);
            }
            for backend in [DbBackend::Postgres, DbBackend::MySql, DbBackend::Sqlite] {
                let tokens = tokens(backend, &sql);
                let together: String = tokens.iter().map(|token| token.text).collect();
                assert_eq!(together, sql);
            }
        }
    }
}
