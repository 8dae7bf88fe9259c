//! What the rewriter costs a statement.
//!
//!     cargo bench -p tenant-core --bench qualify

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sea_orm::DbBackend;
use tenant_core::{QuotedSchema, SchemaName, qualify};

/// What SeaORM renders for an entity of eight columns: 300 bytes.
const SELECT: &str = r#"SELECT "book"."id", "book"."title", "book"."author_id", "book"."row", "book"."place", "book"."genre_id", "book"."created", "author"."id" FROM "$tenant"."book" LEFT JOIN "$tenant"."author" ON "book"."author_id" = "author"."id" WHERE "book"."id" = $1 AND "book"."title" LIKE $2 ORDER BY "book"."title""#;

fn rewriter(criterion: &mut Criterion) {
    let schema = "tenant_acme".parse::<SchemaName>();
    let Ok(schema) = schema else { return };
    let schema = QuotedSchema::new(&schema, DbBackend::Postgres);
    let mut group = criterion.benchmark_group("qualify");
    let cases = [
        ("select", SELECT.to_owned()),
        ("no placeholder", SELECT.replace("$tenant", "tenant_")),
        ("insert of 100 rows", insert(100)),
        ("insert of 1000 rows", insert(1000)),
        (
            "literals",
            format!("{SELECT}, '{}' $tenant.x", "it''s ".repeat(200)),
        ),
    ];
    for (name, sql) in &cases {
        group.throughput(Throughput::Bytes(sql.len() as u64));
        group.bench_with_input(BenchmarkId::new(*name, sql.len()), sql, |bencher, sql| {
            bencher.iter(|| qualify(black_box(sql), black_box(&schema)));
        });
    }
    // What any rewriting has to pay at least: finding the place, one allocation, one copy.
    group.bench_function("floor: find, allocate, copy the select", |bencher| {
        bencher.iter(|| {
            let sql = black_box(SELECT);
            let last = memchr::memmem::rfind(sql.as_bytes(), b"$tenant");
            let mut text = String::with_capacity(sql.len() + 16);
            text.push_str(&sql[..last.unwrap_or(0)]);
            text.push_str(&sql[last.unwrap_or(0)..]);
            text
        });
    });
    group.finish();
}

/// An insert whose placeholder stands in the `RETURNING`, so that all of it is read.
fn insert(rows: usize) -> String {
    let values: Vec<_> = (0..rows)
        .map(|row| format!("(${}, ${}, ${})", row * 3 + 1, row * 3 + 2, row * 3 + 3))
        .collect();
    format!(
        r#"INSERT INTO "$tenant"."book" ("title", "author_id", "mood") VALUES {} RETURNING CAST("mood" AS "$tenant.mood")"#,
        values.join(", ")
    )
}

criterion_group!(benches, rewriter);
criterion_main!(benches);
