use sea_orm_tenant::with_tenant;

#[with_tenant(42)]
async fn number() {}

#[with_tenant(b"acme")]
async fn bytes() {}

#[with_tenant(true)]
fn boolean() {}

#[with_tenant('a')]
fn character() {}

fn main() {}
