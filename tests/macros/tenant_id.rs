//! The macros' rule for ids and `TenantId`'s are one rule. The file is included, because a crate of
//! macros exports nothing else.

#[path = "../../tenant-macros/src/tenant_id.rs"]
mod rule;

use proptest::prelude::*;
use sea_orm_tenant::TenantId;

use self::rule::check;

fn of_core(id: &str) -> Result<(), String> {
    TenantId::try_from(id)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

#[test]
fn the_edges_of_the_rule_are_those_of_tenant_core() {
    let longest = "a".repeat(56);
    let too_long = "a".repeat(57);
    for id in [
        "",
        "a",
        "0",
        "_",
        "-",
        "-a",
        "a-",
        "a_b",
        "Acme",
        "acmE",
        "a b",
        "a\0",
        "\u{e9}",
        "a\u{1F600}",
        "a'b",
        "a\"b",
        "a\\",
        "a\n",
        &longest,
        &too_long,
    ] {
        assert_eq!(check(id), of_core(id), "{id:?}");
    }
    assert_eq!(check(&longest), Ok(()));
}

proptest! {
    #[test]
    fn the_rule_is_that_of_tenant_core(id in "\\PC{0,70}|[a-z0-9_-]{0,60}|[ -~]{0,8}") {
        prop_assert_eq!(check(&id), of_core(&id));
    }
}
