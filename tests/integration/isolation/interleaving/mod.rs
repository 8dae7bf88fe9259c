//! Many tenants on one connection, and futures that end in the middle.

pub mod cut;

mod begun;
mod cancelled;
mod turns;
