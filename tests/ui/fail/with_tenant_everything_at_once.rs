use sea_orm_tenant::with_tenant;

// All mistakes are reported together.

#[with_tenant("Acme", "globex")]
#[with_tenant("acme")]
const extern "C" fn several() {}

fn main() {
    several();
}
