//! Which texts may leave a transaction open.

use crate::words::words;

/// Whether a statement of a text begins a transaction, as far as its words tell. Rather once too often
/// than once too seldom: it costs a connection.
pub(super) fn may_begin(sql: &str) -> bool {
    let mut previous = "";
    // `COMMIT`, then `AND`: comments may stand between them and what comes next.
    let (mut has_ended, mut goes_on_with) = (false, false);
    for (start, word) in words(sql) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        let goes_on = is("chain") && goes_on_with;
        let is_distributed = previous.eq_ignore_ascii_case("xa") && (is("start") || is("begin"));
        if goes_on || is_distributed || is("autocommit") || is("completion_type") {
            return true;
        }
        has_ended |= ["commit", "rollback", "abort", "end"]
            .iter()
            .any(|end| is(end));
        goes_on_with |= has_ended && is("and");
        let after = || &sql[start + word.len()..];
        let begins = is("begin") && begins_with(after(), &BEHIND_BEGIN)
            || is("start") && begins_with(after(), &["transaction"])
            || is("savepoint");
        if begins && is_first(&sql[..start]) {
            return true;
        }
        previous = word;
    }
    false
}

/// What servers take there, beside an end and a comment. A column may be called `begin`.
const BEHIND_BEGIN: [&str; 9] = [
    "work",
    "transaction",
    "isolation",
    "read",
    "not",
    "deferrable",
    "deferred",
    "immediate",
    "exclusive",
];

/// Whether a word after this is the first of a statement, or of a line, or stands behind a comment or at
/// the beginning of one that MySQL reads.
fn is_first(before: &str) -> bool {
    let line = before
        .rsplit(['\n', '\r'])
        .next()
        .unwrap_or_default()
        .trim_end();
    match line.chars().next_back() {
        None | Some(';' | '/' | '!') => true,
        Some(last) => last.is_ascii_digit() && line.contains("/*"),
    }
}

/// Whether it does with one of these words, or with a statement's end or a comment.
fn begins_with(after: &str, these: &[&str]) -> bool {
    let after = after.trim_start();
    match after.chars().next() {
        None | Some(';' | '/' | '-' | '*' | '#') => true,
        _ => words(after)
            .next()
            .is_some_and(|(_, word)| these.iter().any(|this| word.eq_ignore_ascii_case(this))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_transaction_is_known() {
        for sql in [
            "BEGIN",
            "begin;",
            " BEGIN ISOLATION LEVEL SERIALIZABLE",
            "select 1; start transaction",
            "SELECT 1;BEGIN",
            "/* so */ BEGIN",
            "-- so\nBEGIN -- it is",
            "/*! START TRANSACTION */",
            "/*!50708 BEGIN */",
            "COMMIT AND CHAIN",
            "COMMIT AND /* so */ CHAIN",
            "XA START 'x'",
            "xa begin 'x'",
            "SET completion_type=1",
            "-- so\rBEGIN",
            "rollback and chain",
            "SET autocommit = 0",
            "SET @@session.autocommit=0",
            "SAVEPOINT one",
            "BEGIN /* so */ TRANSACTION",
            "BEGIN IMMEDIATE",
        ] {
            assert!(may_begin(sql), "{sql}");
        }
    }

    #[test]
    fn columns_may_be_called_so() {
        for sql in [
            "",
            "SELECT start, begin, chain FROM loan",
            "SELECT id,\n  begin,\n  start\nFROM loan",
            "UPDATE loan SET start = 1",
            "SELECT start_date, beginning FROM loan AS restart",
            "SELECT 1; COMMIT; ROLLBACK",
            "SELECT chain FROM loan WHERE a AND chain",
            "DO $do$ BEGIN NULL; END $do$",
            "DO $do$\nBEGIN\nPERFORM 1; END $do$",
            "SELECT 'and so it begins: é'",
            "SELECT é; SELECT ö",
        ] {
            assert!(!may_begin(sql), "{sql}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(sql in ".{0,60}") {
            may_begin(&sql);
            let begins = format!("{sql};\nBEGIN");
            proptest::prop_assert!(may_begin(&begins));
        }
    }
}
