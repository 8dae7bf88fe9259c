//! The macros, as an application uses them.
#![allow(
    clippy::manual_async_fn,
    clippy::panic,
    clippy::type_complexity,
    clippy::unwrap_used
)]

mod derives;
mod hygiene;
mod tenant_id;
mod ui;
mod with_tenant;
