use sea_orm_tenant::with_tenant;

#[with_tenant("acme")]
async fn holds_an_rc() {
    let held = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(held);
}

fn is_send(_: impl Send) {}

fn main() {
    is_send(holds_an_rc());
}
