//! Temporary, while tests/integration is shared.
#![allow(dead_code)]
#[path = "integration/support/mod.rs"]
mod support;
#[path = "integration/orm/mod.rs"]
mod orm;
