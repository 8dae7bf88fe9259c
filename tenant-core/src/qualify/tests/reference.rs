//! The same rules, written for clarity: one character at a time, no stopping early, no table.

use sea_orm::DatabaseBackend::{self as DbBackend, MySql, Postgres, Sqlite};

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

/// Splits SQL into the pieces in which nothing may be rewritten (`true`) and the others.
pub(super) fn pieces(sql: &str, backend: DbBackend) -> Vec<(bool, String)> {
    let c: Vec<char> = sql.chars().collect();
    let text = |from: usize, to: usize| c[from..to].iter().collect::<String>();
    let has = |at: usize, what: &str| c[at..].iter().collect::<String>().starts_with(what);
    let mut pieces = Vec::new();
    let (mut at, mut open) = (0, 0);
    while at < c.len() {
        let before = at.checked_sub(1).map(|i| c[i]);
        let end = match (c[at], backend) {
            ('\'', _) | ('"', MySql) => {
                let escape = backend == MySql
                    || (backend == Postgres
                        && matches!(before, Some('e' | 'E'))
                        && !(at >= 2 && is_part(c[at - 2])));
                Some(quoted(&c, at, c[at], escape))
            }
            ('"', _) => Some(quoted(&c, at, '"', false)),
            ('`', MySql | Sqlite) => Some(quoted(&c, at, '`', false)),
            ('[', Sqlite) => Some(
                (at..c.len())
                    .find(|i| c[*i] == ']')
                    .map_or(c.len(), |i| i + 1),
            ),
            ('#', MySql) => Some(line(&c, at, &['\n'])),
            ('-', Postgres) if has(at, "--") => Some(line(&c, at, &['\n', '\r'])),
            ('-', Sqlite) if has(at, "--") => Some(line(&c, at, &['\n'])),
            ('-', MySql)
                if has(at, "--") && c.get(at + 2).is_none_or(|c| *c <= ' ' || *c == '\x7f') =>
            {
                Some(line(&c, at, &['\n']))
            }
            ('/', _) if has(at, "/*") => Some(comment(&c, at, backend == Postgres)),
            ('$', Postgres) if before.is_none_or(|c| !is_part(c)) => {
                let close = (at + 1..c.len()).find(|i| c[*i] == '$');
                close
                    .filter(|close| {
                        c[at + 1..*close].iter().all(|c| is_part(*c)) && !c[at + 1].is_ascii_digit()
                    })
                    .map(|close| {
                        let tag = text(at, close + 1);
                        let body = close + 1;
                        (body..c.len())
                            .find(|i| has(*i, &tag))
                            .map_or(c.len(), |i| i + tag.chars().count())
                    })
            }
            _ => None,
        };
        if let Some(end) = end {
            pieces.push((false, text(open, at)));
            pieces.push((true, text(at, end)));
            (at, open) = (end, end);
        } else {
            at += 1;
        }
    }
    pieces.push((false, text(open, c.len())));
    pieces
}

fn quoted(c: &[char], start: usize, quote: char, escape: bool) -> usize {
    let mut at = start + 1;
    while at < c.len() {
        let escaped = escape && c[at] == '\\';
        if escaped || (c[at] == quote && c.get(at + 1) == Some(&quote)) {
            at += 2;
        } else if c[at] == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    c.len()
}

fn line(c: &[char], start: usize, ends: &[char]) -> usize {
    (start..c.len())
        .find(|i| ends.contains(&c[*i]))
        .map_or(c.len(), |i| i + 1)
}

fn comment(c: &[char], start: usize, nests: bool) -> usize {
    let (mut at, mut depth) = (start + 2, 1);
    while at + 1 < c.len() {
        match (c[at], c[at + 1]) {
            ('*', '/') => {
                depth -= 1;
                at += 2;
                if depth == 0 || !nests {
                    return at;
                }
            }
            ('/', '*') if nests => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    c.len()
}

/// The whole rewriting, piece by piece.
pub(super) fn qualify(sql: &str, backend: DbBackend) -> String {
    let q = if backend == MySql { '`' } else { '"' };
    let name = format!("{q}acme{q}");
    let mut out = String::new();
    for (quoted, piece) in pieces(sql, backend) {
        if !quoted {
            out.push_str(&bare(&piece, &name, out.chars().last()));
            continue;
        }
        let open = piece.chars().next().unwrap();
        let is_name = match backend {
            MySql => open == '`',
            Postgres => open == '"',
            _ => matches!(open, '"' | '`'),
        };
        let exact = format!("{open}$tenant{open}");
        let prefix = format!("{open}$tenant.");
        if is_name && piece == exact {
            out.push_str(&name);
        } else if is_name
            && piece.starts_with(&prefix)
            && !piece[prefix.len()..].starts_with("$tenant")
        {
            out.push_str(&format!("{name}.{open}{}", &piece[prefix.len()..]));
        } else if (open == '\'' || open == '"') && piece == exact {
            out.push_str(&format!("{open}acme{open}"));
        } else {
            out.push_str(&piece);
        }
    }
    out
}

fn bare(piece: &str, name: &str, mut before: Option<char>) -> String {
    let mut out = String::new();
    let mut rest = piece;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("$tenant.") && before.is_none_or(|c| !is_part(c)) {
            out.push_str(name);
            rest = &rest["$tenant".len()..];
            before = Some('t');
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            before = Some(c);
        }
    }
    out
}
