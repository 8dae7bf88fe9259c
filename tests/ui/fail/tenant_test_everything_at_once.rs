use tenant_testkit::tenant_test;

#[tenant_test(database = oracle, colour = red, migrations = a, migrations = b)]
#[test]
fn everything<T>(&self, (acme, globex): (u8, u8)) {}

fn main() {}
