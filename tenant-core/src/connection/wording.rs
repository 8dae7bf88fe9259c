//! What a rendered statement is about, as far as its words tell. Where they do not, it is refused.

use crate::{PLACEHOLDER, words::words};

/// By its first word; sea-query renders these in upper case.
pub(super) fn changes_a_schema(sql: &str) -> bool {
    !matches!(
        first_word(sql),
        "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH" | "REPLACE" | "VALUES"
    )
}

fn first_word(sql: &str) -> &str {
    sql.trim_start_matches(['(', ' '])
        .split_ascii_whitespace()
        .next()
        .unwrap_or_default()
}

/// Whether a change of the schema, not qualified yet, is about the tenant's things only: what it
/// makes or alters, both names of MySQL's `RENAME TABLE`, each of those that it drops.
pub(super) fn names_the_tenant_throughout(sql: &str) -> bool {
    match first_word(sql) {
        "RENAME" => sql.split(" TO ").all(first_name_is_the_tenants),
        "DROP" | "TRUNCATE" => sql.split(", ").all(first_name_is_the_tenants),
        _ => {
            // An index may be named without a schema; it is where its table is.
            let index_on = sql
                .split_once(" ON ")
                .filter(|(index, _)| index.contains("INDEX"));
            first_name_is_the_tenants(sql)
                || index_on.is_some_and(|(_, table)| first_name_is_the_tenants(table))
        }
    }
}

fn first_name_is_the_tenants(sql: &str) -> bool {
    sql.find(['"', '`'])
        .is_some_and(|quote| sql[quote + 1..].starts_with(PLACEHOLDER))
}

/// Whether a text may read or write a table: behind a `FROM`, `JOIN`, `INTO`, `UPDATE`, `USING` or `TABLE`
/// there is something else than one function's rows or a query in parentheses, which is looked at by
/// itself. Rather once too often: also where the word is in a literal, or a quoted name.
pub(super) fn names_a_table(sql: &str) -> bool {
    words(sql)
        .filter(|(_, word)| {
            INTRODUCTIONS
                .iter()
                .any(|word_before| word.eq_ignore_ascii_case(word_before))
        })
        .any(|(start, word)| !has_no_table(&sql[start + word.len()..]))
}

const INTRODUCTIONS: [&str; 6] = ["from", "join", "into", "update", "using", "table"];

/// Whether these are the rows of one function, or of a query in parentheses.
fn has_no_table(behind: &str) -> bool {
    let mut behind = behind.trim_start();
    if let Some((0, first)) = words(behind).next()
        && first.eq_ignore_ascii_case("lateral")
    {
        behind = behind[first.len()..].trim_start();
    }
    let is_in_a_name =
        |character: char| character.is_alphanumeric() || ['_', '.', '"', '`'].contains(&character);
    let arguments = behind.trim_start_matches(is_in_a_name);
    let is_a_function = arguments.len() < behind.len();
    let Some(parenthesis) = arguments.strip_prefix('(') else {
        return false;
    };
    if !is_a_function {
        let query = parenthesis.trim_start_matches(['(', ' ', '\n', '\t', '\r']);
        let begins_a_query = words(query).next().is_some_and(|(start, word)| {
            start == 0
                && ["select", "values", "with"]
                    .iter()
                    .any(|query| word.eq_ignore_ascii_case(query))
        });
        if !begins_a_query {
            return false;
        }
    }
    // A second one in a list is not introduced by a word.
    ends_before_a_comma(parenthesis)
}

/// Whether no comma follows the parenthesis that closes the one in front of `inside`, up to the end of
/// what that is in. Not where a quote may end elsewhere than it seems, or a comment stands.
fn ends_before_a_comma(inside: &str) -> bool {
    if ["\\", "--", "/*", "#"]
        .iter()
        .any(|odd| inside.contains(odd))
        || has_dollar_quotes(inside)
    {
        return false;
    }
    let mut depth = 1_usize;
    let mut quoted_by = None;
    for character in inside.chars() {
        match (character, quoted_by) {
            (quote, Some(by)) if quote == by => quoted_by = None,
            (_, Some(_)) => {}
            ('\'' | '"' | '`', None) => quoted_by = Some(character),
            ('(', None) => depth += 1,
            // The end of the query that this is in, after that of the parenthesis.
            (')', None) if depth == 0 => return true,
            (')', None) => depth -= 1,
            (',', None) if depth == 0 => return false,
            _ => {}
        }
    }
    depth == 0 && quoted_by.is_none()
}

/// A parameter has a number behind its `$`.
fn has_dollar_quotes(sql: &str) -> bool {
    sql.split('$')
        .skip(1)
        .any(|behind| !behind.starts_with(|first: char| first.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_schema_is_about_the_tenants_things_only() {
        for sql in [
            r#"CREATE TABLE "$tenant"."a" ("id" int)"#,
            r#"CREATE TABLE IF NOT EXISTS "$tenant"."a" ("id" int)"#,
            r#"CREATE UNIQUE INDEX "i" ON "$tenant"."a" ("id")"#,
            r#"CREATE INDEX "$tenant"."i" ON "a" ("id")"#,
            r#"CREATE TYPE "$tenant.mood" AS ENUM ('ON')"#,
            r#"ALTER TABLE "$tenant"."a" RENAME TO "b""#,
            r#"DROP TABLE "$tenant"."a", "$tenant"."b""#,
            r#"TRUNCATE TABLE "$tenant"."a""#,
            "RENAME TABLE `$tenant`.`a` TO `$tenant`.`b`",
        ] {
            assert!(changes_a_schema(sql), "{sql}");
            assert!(names_the_tenant_throughout(sql), "{sql}");
        }
        for sql in [
            r#"CREATE TABLE "a" ("id" int REFERENCES "$tenant"."b")"#,
            r#"CREATE INDEX "i" ON "a" ("$tenant")"#,
            r#"CREATE TYPE "mood" AS ENUM ('$tenant')"#,
            r#"ALTER TABLE "a" ADD FOREIGN KEY ("b") REFERENCES "$tenant"."b""#,
            r#"DROP TABLE "$tenant"."a", "b""#,
            r#"DROP TABLE "$tenant"."a$tenant", "b""#,
            "RENAME TABLE `$tenant`.`a` TO `b`",
        ] {
            assert!(!names_the_tenant_throughout(sql), "{sql}");
        }
    }

    #[test]
    fn a_table_is_named_behind_its_introduction() {
        for sql in [
            "SELECT * FROM book",
            "SELECT * FROM\nbook",
            r#"SELECT * FROM"book""#,
            r#"SELECT "a"FROM"book""#,
            "SELECT * FROM/**/book",
            "SELECT * FROM ONLY book",
            "SELECT * FROM (book)",
            "SELECT * FROM (TABLE book) AS t",
            "SELECT (select id from book) FROM (SELECT 1)",
            "SELECT 1 FROM (VALUES (1)) AS v JOIN book ON 1",
            "SELECT * FROM generate_series(1, 3) AS d, book",
            "SELECT * FROM generate_series(1, 3) AS d(n), tenant_globex.book AS b",
            "SELECT * FROM (SELECT 1) AS one, book",
            "SELECT * FROM LATERAL f(1) AS one, book",
            "SELECT * FROM f(')'), book",
            "SELECT * FROM f('(') , book",
            "SELECT * FROM f(1) AS \"a)\", book",
            "SELECT * FROM f('\\'), book AS b('",
            "SELECT * FROM f($$)$$), book",
            "SELECT * FROM f(1) -- )\n, book",
            "WITH d AS (DELETE FROM book RETURNING id) SELECT * FROM d",
            "WITH d AS (INSERT INTO book DEFAULT VALUES RETURNING id) SELECT 1",
            "WITH d AS (UPDATE book SET id = 1 RETURNING id) SELECT 1",
        ] {
            assert!(names_a_table(sql), "{sql}");
        }
        for sql in [
            "SELECT CURRENT_SCHEMA()",
            "SELECT * FROM generate_series(1, 3)",
            "SELECT * FROM pg_catalog.generate_series(1, 3)",
            "SELECT * FROM lateral generate_series(1, 3)",
            "SELECT * FROM generate_series('2026-01-01'::date, $1, '1 day') AS days",
            "SELECT n FROM generate_series(1, 3) AS d(n) WHERE n IN (1, 2)",
            "SELECT * FROM (VALUES (1)) AS v",
            "SELECT * FROM ( SELECT 1, 2 ) AS v(a, b)",
            r#"SELECT "valid_from""#,
        ] {
            assert!(!names_a_table(sql), "{sql}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(sql in ".{0,60}") {
            names_a_table(&sql);
            let named = format!("{sql} FROM book");
            proptest::prop_assert!(names_a_table(&named));
        }
    }
}
