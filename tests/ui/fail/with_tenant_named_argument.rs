use sea_orm_tenant::with_tenant;

#[with_tenant(tenant = "acme")]
async fn named() {}

#[with_tenant("acme" => "globex")]
async fn malformed() {}

fn main() {}
