use sea_orm_tenant::with_tenant;

#[with_tenant(name)]
async fn text(name: &str) {}

#[with_tenant(name.to_lowercase())]
fn owned(name: &str) {}

#[with_tenant(-1)]
fn number() {}

#[with_tenant(missing)]
fn unknown() {}

fn main() {}
