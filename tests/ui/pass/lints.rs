//! Nothing that the macros write is warned about, under lints that are not on by default either.
#![deny(warnings)]
#![deny(
    elided_lifetimes_in_paths,
    let_underscore_drop,
    missing_docs,
    rust_2018_idioms,
    single_use_lifetimes,
    trivial_casts,
    unit_bindings,
    unreachable_pub,
    unused_qualifications,
    unused_results
)]
#![forbid(unsafe_code)]

use std::future::Future;

use sea_orm_tenant::{InTenant, TenantContext, TenantId, with_tenant};

#[with_tenant("acme")]
async fn nothing(_guard: u8) {}

#[with_tenant(tenant)]
async fn one_expression(tenant: TenantId) -> u8 {
    1
}

#[with_tenant("acme")]
fn one_expression_at_once() -> u8 {
    1
}

#[with_tenant("acme")]
fn nothing_at_once(_guard: u8) {}

#[with_tenant("acme")]
async fn diverges() -> u8 {
    panic!()
}

#[with_tenant("acme")]
fn diverges_at_once() -> u8 {
    panic!()
}

#[with_tenant("acme")]
fn never() -> ! {
    panic!()
}

#[with_tenant("acme")]
fn future(text: &str) -> impl Future<Output = usize> {
    async move { text.len() }
}

#[with_tenant("acme")]
async fn yields_async() -> InTenant<impl Future<Output = u8>> {
    TenantContext::propagate(async { 1 })
}

fn main() {
    drop((
        nothing(1),
        one_expression(TenantId::from_static("acme")),
        diverges(),
    ));
    let _length = future("");
    let _future = yields_async();
    nothing_at_once(one_expression_at_once());
    if std::env::args().count() > 9 {
        let _ = diverges_at_once();
        never();
    }
}
