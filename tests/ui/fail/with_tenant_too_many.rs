use sea_orm_tenant::with_tenant;

#[with_tenant("acme", "globex", 3)]
async fn several() {}

#[with_tenant("acme")]
#[with_tenant("globex")]
async fn repeated() {}

#[with_tenant("acme")]
#[sea_orm_tenant::with_tenant("Globex")]
fn repeated_by_path() {}

fn main() {}
