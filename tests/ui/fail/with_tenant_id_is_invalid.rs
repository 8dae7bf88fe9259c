use sea_orm_tenant::with_tenant;

#[with_tenant("Acme")]
async fn upper_case() {}

#[with_tenant("")]
async fn empty() {}

#[with_tenant("-acme")]
fn begins_with_a_dash() {}

#[with_tenant("acme corp")]
fn space() {}

#[with_tenant("a123456789-123456789-123456789-123456789-123456789-123456")]
fn too_long() {}

#[with_tenant("$tenant")]
fn placeholder() {}

fn main() {
    // One mistake, one message: the functions are still there for those who call them.
    begins_with_a_dash();
    space();
    too_long();
    placeholder();
    let _ = (upper_case(), empty());
}
