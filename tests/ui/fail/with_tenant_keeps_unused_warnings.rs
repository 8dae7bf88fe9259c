#![deny(warnings)]

use sea_orm_tenant::with_tenant;

// The attribute does not hide what the compiler warns about.

#[with_tenant("acme")]
pub async fn unused_argument(argument: u8) {}

#[with_tenant("acme")]
pub fn unused_variable() {
    let variable = 1;
}

#[with_tenant("acme")]
#[must_use]
pub fn must_use() -> u8 {
    1
}

fn main() {
    must_use();
}
