use std::{future::Future, pin::Pin};

use sea_orm_tenant::with_tenant;

type Answer = Pin<Box<dyn Future<Output = u8>>>;

#[with_tenant("acme")]
fn aliased() -> Answer {
    Box::pin(async { 1 })
}

#[with_tenant("acme")]
fn generic<F: Future>(future: F) -> F {
    future
}

fn main() {}
