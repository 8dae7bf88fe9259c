//! The kit as an application's tests use it.

mod leaks;
mod tenant_test;
