//! The kit against the servers that are installed here.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod databases;
mod killed;
mod servers;
mod system;
