use sea_orm_tenant::{TenantId, with_tenant};

#[with_tenant(TenantId::try_from(name)?)]
async fn cannot_fail(name: &str) -> u8 {
    1
}

#[with_tenant(TenantId::try_from(name)?)]
fn cannot_fail_either(name: &str) {}

fn main() {}
