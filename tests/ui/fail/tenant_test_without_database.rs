use tenant_testkit::tenant_test;

#[tenant_test(migrations = Migrator)]
async fn nowhere() {}

#[tenant_test(database = [])]
async fn on_none() {}

#[tenant_test(database = [sqlite, sqlite])]
async fn twice() {}

fn main() {}
