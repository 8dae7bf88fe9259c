use std::sync::Arc;

use sea_orm::{DbBackend, QuerySelect as _, QueryTrait as _};
use tenant_core::{QuotedSchema, SchemaName, qualify};

use crate::library::{READS, scoped};

/// The statements of one tenant, rendered beforehand, letter for letter as SeaORM renders them.
pub(super) struct Texts {
    pub(super) reads: Vec<Read>,
    pub(super) author: Arc<str>,
    pub(super) authors: Arc<str>,
    pub(super) books: Arc<str>,
    pub(super) loans: Arc<str>,
    pub(super) insert: Arc<str>,
    pub(super) update: Arc<str>,
    pub(super) delete: Arc<str>,
}

pub(super) struct Read {
    pub(super) text: Arc<str>,
    /// How many comparisons with zero there are.
    pub(super) zeros: usize,
}

const AUTHOR: &str = r#"SELECT "author"."id", "author"."name" FROM "$tenant"."author""#;

impl Texts {
    pub(super) fn of(schema: &SchemaName) -> Self {
        let schema = QuotedSchema::new(schema, DbBackend::Postgres);
        let qualified = |sql: &str| -> Arc<str> { Arc::from(&*qualify(sql, &schema)) };
        let read = |variant| {
            let text = qualified(
                &scoped::read(variant, 1)
                    .limit(1)
                    .build(DbBackend::Postgres)
                    .sql,
            );
            // The key and the limit are parameters, too.
            let zeros = text.matches('$').count().saturating_sub(2);
            Read { text, zeros }
        };
        Self {
            reads: (0..READS).map(read).collect(),
            author: qualified(&format!(r#"{AUTHOR} WHERE "author"."id" = $1 LIMIT $2"#)),
            authors: qualified(&format!(r#"{AUTHOR} WHERE "author"."id" <= $1"#)),
            books: qualified(
                r#"SELECT "book"."id", "book"."title", "book"."author_id", "book"."year", "book"."shelf" FROM "$tenant"."book" WHERE "book"."author_id" IN ($1, $2)"#,
            ),
            loans: qualified(
                r#"SELECT "loan"."id", "loan"."book_id", "loan"."member" FROM "$tenant"."loan" WHERE "loan"."book_id" IN ($1, $2, $3, $4, $5, $6, $7, $8)"#,
            ),
            insert: qualified(
                r#"INSERT INTO "$tenant"."visit" ("member") VALUES ($1) RETURNING "id", "member""#,
            ),
            update: qualified(
                r#"UPDATE "$tenant"."visit" SET "member" = $1 WHERE "visit"."id" = $2 RETURNING "id", "member""#,
            ),
            delete: qualified(r#"DELETE FROM "$tenant"."visit" WHERE "visit"."id" = $1"#),
        }
    }
}
