#![deny(warnings)]

use sea_orm_tenant::{TenantContext, with_tenant};

#[tokio::main(flavor = "current_thread")]
#[with_tenant("acme")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(TenantContext::current()?.as_str(), "acme");
    tokio::task::yield_now().await;
    assert_eq!(TenantContext::current()?.as_str(), "acme");
    Ok(())
}
