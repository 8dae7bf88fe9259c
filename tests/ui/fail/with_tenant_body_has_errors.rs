use sea_orm_tenant::with_tenant;

// The compiler's own errors are where they would be without the attribute.

#[with_tenant("acme")]
async fn wrong_tail() -> u8 {
    "text"
}

#[with_tenant("acme")]
async fn wrong_return(early: bool) -> u8 {
    if early {
        return "text";
    }
    1
}

#[with_tenant("acme")]
async fn missing_tail() -> u8 {
    let _number = 1;
}

#[with_tenant("acme")]
fn wrong_tail_at_once() -> u8 {
    "text"
}

#[with_tenant("acme")]
async fn nothing_returned() {
    1
}

fn main() {}
