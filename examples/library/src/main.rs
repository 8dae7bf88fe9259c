//! A lending library as a service.

fn main() {}
