#![deny(warnings)]

use sea_orm_tenant::{TenantContext, with_tenant};

#[with_tenant("acme")]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio::task::yield_now().await;
    assert_eq!(TenantContext::current().unwrap().as_str(), "acme");
}
