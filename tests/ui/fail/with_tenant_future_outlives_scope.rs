use std::{future::Future, pin::Pin};

use futures_util::future::BoxFuture;
use sea_orm_tenant::with_tenant;

async fn query() -> u8 {
    1
}

#[with_tenant("acme")]
fn unnamed() -> impl Future<Output = u8> {
    query()
}

#[with_tenant("acme")]
fn pinned() -> Pin<Box<dyn Future<Output = u8> + Send>> {
    let future = async { 1 };
    Box::pin(future)
}

#[with_tenant("acme")]
fn boxed(now: bool) -> BoxFuture<'static, u8> {
    if now {
        return Box::pin(async { 0 });
    }
    Box::pin(async move { query().await })
}

#[with_tenant("acme")]
fn inside() -> Result<BoxFuture<'static, u8>, u8> {
    Ok(Box::pin(async move { query().await }))
}

fn main() {}
