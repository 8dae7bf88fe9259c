//! The example application as its users have it: the real program, over HTTP, on every database and
//! with the tenant management service.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used
)]

mod catalogue;
mod export;
mod on_databases;
mod place;
mod program;
mod service;
mod settings;
mod tour;
