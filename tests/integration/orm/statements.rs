//! Reads SQL as far as it takes to see whose tables it names.

use sea_orm_tenant::SchemaName;

use super::inside::TABLES;
use crate::support::{Server, World};

/// The schemas that `acme`'s statements may name, and those that they may not.
pub struct Schemas {
    acme: String,
    others: Vec<String>,
}

impl Schemas {
    pub fn of(world: &World) -> Self {
        let mut others = vec!["public".to_owned()];
        if world.server == Server::Sqlite {
            // Every tenant's schema is `main`, of a file of its own.
            others.push("shared".to_owned());
            let acme = "main".to_owned();
            return Self { acme, others };
        }
        for other in [&world.globex, &world.planted] {
            others.push(SchemaName::for_tenant(other).to_string());
        }
        let acme = SchemaName::for_tenant(&world.acme).to_string();
        Self { acme, others }
    }

    /// Every tenant's table in the statement is in `acme`'s schema, every shared one in none, and
    /// no other schema is named at all.
    pub fn assert_inside(&self, sql: &str) {
        assert!(!sql.contains("$tenant"), "not qualified: {sql}");
        let words = words(sql);
        let at = |index: usize| words.get(index).map_or("", String::as_str);
        let before = |index: usize, back: usize| index.checked_sub(back).map_or("", &at);
        for (index, word) in words.iter().enumerate() {
            let schema = match before(index, 1) {
                "." => Some(before(index, 2)),
                _ => None,
            };
            // `"book"."title"` is a column, and what stands behind `AS` is an alias.
            let is_qualifier = at(index + 1) == ".";
            let is_alias = before(index, 1).eq_ignore_ascii_case("as");
            if TABLES.iter().any(|(table, _)| table == word) && !is_qualifier && !is_alias {
                assert_eq!(schema, Some(self.acme.as_str()), "`{word}` in {sql}");
            }
            if word == "genre" && !is_qualifier {
                assert_eq!(schema, None, "a shared table in {sql}");
            }
            assert!(!self.others.contains(word), "`{word}` in {sql}");
        }
    }
}

/// Names, keywords and single characters. Quotes around names are gone, literals are left out.
fn words(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = sql.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '`' | '\'' => {
                let end = rest[1..].find(first).expect("a closing quote");
                if first != '\'' {
                    words.push(rest[1..=end].to_owned());
                }
                end + 2
            }
            _ => {
                let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let length = end.max(first.len_utf8());
                words.push(rest[..length].to_owned());
                length
            }
        };
        rest = rest[length..].trim_start();
    }
    words
}

fn schemas() -> Schemas {
    Schemas {
        acme: "tenant_acme".into(),
        others: vec!["tenant_globex".into(), "public".into()],
    }
}

#[test]
fn statements_inside_pass() {
    for sql in [
        r#"SELECT "book"."id" AS "book" FROM "tenant_acme"."book" LEFT JOIN "genre" ON "genre"."id" = "book"."genre_id""#,
        "DELETE FROM `tenant_acme`.`book` WHERE `book`.`title` = 'public.book'",
        r#"UPDATE "tenant_acme".book SET title = $1"#,
    ] {
        schemas().assert_inside(sql);
    }
}

#[test]
fn statements_outside_are_noticed() {
    for sql in [
        r#"SELECT "book"."id" FROM "book""#,
        r#"SELECT "id" FROM "public"."book""#,
        "SELECT `id` FROM `tenant_globex`.`book`",
        r#"SELECT "id" FROM "$tenant"."book""#,
        r#"SELECT 1 FROM "tenant_acme"."book" INNER JOIN "author" AS "r0" ON TRUE"#,
        r#"SELECT 1 FROM "tenant_acme"."book", "author""#,
        r#"SELECT 1 FROM "tenant_acme"."book" LEFT JOIN "tenant_acme"."genre" ON TRUE"#,
        r#"INSERT INTO "book" ("title") VALUES ($1)"#,
        "DELETE FROM book",
        r#"SELECT CAST("mood" AS "public"."mood") FROM "tenant_acme"."review""#,
    ] {
        let noticed = std::panic::catch_unwind(|| schemas().assert_inside(sql));
        assert!(noticed.is_err(), "{sql}");
    }
}
