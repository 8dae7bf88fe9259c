use sea_orm_tenant::with_tenant;

#[with_tenant("acme")]
const fn constant() -> u8 {
    1
}

#[with_tenant("acme")]
extern "C" fn external() {}

#[with_tenant("Acme")]
const extern "C" fn everything() {}

const ONE: u8 = constant();

fn main() {
    external();
    everything();
    let _ = ONE;
}
