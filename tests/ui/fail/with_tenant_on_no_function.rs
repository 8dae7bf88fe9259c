use sea_orm_tenant::with_tenant;

#[with_tenant("acme")]
struct Struct;

#[with_tenant("acme")]
enum Enum {}

#[with_tenant("acme")]
impl Struct {
    fn method(&self) {}
}

#[with_tenant("acme")]
mod module {}

#[with_tenant("acme")]
trait Trait {
    #[with_tenant("acme")]
    fn without_body(&self);
}

#[with_tenant("acme")]
const CONST: u8 = 1;

#[with_tenant("acme")]
use std::fmt;

#[with_tenant("acme")]
unsafe extern "C" {
    fn foreign();
}

fn main() {
    Struct.method();
}
