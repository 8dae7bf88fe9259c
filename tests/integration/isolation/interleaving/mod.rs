//! Many tenants on one connection, and futures that end in the middle.

pub mod cut;

mod cancelled;
mod turns;
