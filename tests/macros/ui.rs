//! What the macros refuse, and what the compiler says about it.

#[test]
fn every_mistake_has_a_message_and_no_more_than_that() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/fail/*.rs");
    cases.pass("tests/ui/pass/*.rs");
}
