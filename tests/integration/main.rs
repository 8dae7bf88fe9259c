//! Everything that crosses crates, against real databases, in one binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

#[path = "../macros/mod.rs"]
mod macros;

mod actix;
mod attack;
mod guide;
mod isolation;
mod migration;
mod orm;
mod roles;
mod service;
mod store;
mod testkit;
