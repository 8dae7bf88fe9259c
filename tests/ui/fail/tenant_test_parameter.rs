//! What the compiler says of a parameter that nobody can make. The tests themselves are compiled only
//! for a test run, so this asks as they do.

use tenant_testkit::TestParameter;

fn is_parameter<T: TestParameter>() {}

fn main() {
    is_parameter::<String>();
}
