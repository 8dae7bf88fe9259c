use std::{future::Future, pin::Pin};

use sea_orm_tenant::with_tenant;

#[with_tenant("acme")]
async fn boxed() -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(async { 1 })
}

#[with_tenant("acme")]
async fn unnamed() -> impl Future<Output = u8> {
    async { 1 }
}

fn main() {}
