//! What this product itself takes of a request, for criterion, which compares with the last run:
//!
//!     cargo bench -p benchmarks --bench overheads
//!
//! The same functions have targets, with their allocations, in `cargo run -- targets`.

#![allow(clippy::expect_used, reason = "a measurement")]

use std::hint::black_box;

use benchmarks::{overheads, server::Server};
use criterion::{Criterion, criterion_group, criterion_main};
use tenant_core::TenantContext;

fn all(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = runtime.block_on(Server::find()).expect("PostgreSQL");
    let (tenancy, id) = runtime
        .block_on(overheads::tenancy(&server))
        .expect("a tenancy");
    let schema = overheads::schema().expect("a valid name");
    let _entered = runtime.enter();
    TenantContext::sync_scope(id.clone(), || {
        criterion.bench_function("current", |bencher| bencher.iter(overheads::current));
        criterion.bench_function("scope", |bencher| {
            bencher.iter(|| overheads::scope(black_box(&id)));
        });
        criterion.bench_function("connection", |bencher| {
            bencher.iter(|| overheads::connection(black_box(&tenancy)));
        });
        criterion.bench_function("qualify", |bencher| {
            bencher.iter(|| overheads::qualified(black_box(&schema)));
        });
    });
    runtime.block_on(tenancy.close());
}

criterion_group!(benches, all);
criterion_main!(benches);
