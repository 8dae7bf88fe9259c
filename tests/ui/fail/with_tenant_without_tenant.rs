use sea_orm_tenant::with_tenant;

#[with_tenant]
async fn bare() {}

#[with_tenant()]
async fn empty() {}

fn main() {}
