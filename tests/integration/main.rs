//! Everything that crosses crates, against real databases, in one binary. `scripts/test` starts
//! the servers and sets `TEST_POSTGRES_URL` and `TEST_MYSQL_URL`.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod support;

#[path = "../macros/mod.rs"]
mod macros;

mod actix;
mod isolation;
mod migration;
mod orm;
mod service;
mod store;
