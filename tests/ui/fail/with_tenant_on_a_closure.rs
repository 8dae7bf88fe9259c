use sea_orm_tenant::with_tenant;

// The compiler refuses such attributes itself; ours says what to do instead.
fn main() {
    let closure = #[with_tenant("acme")]
    || 1;
    let _ = closure;
}
