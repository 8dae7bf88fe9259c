//! The tenant management service.
fn main() {}
