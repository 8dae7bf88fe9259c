use tenant_testkit::tenant_test;

#[tenant_test(database = sqlite)]
struct Test;

fn main() {}
