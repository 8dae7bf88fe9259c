//! What sea-orm-tenant costs, side by side with doing without it: see `README.md`.

#![allow(missing_docs, reason = "a program's")]

pub mod blocking;
pub mod cache;
pub mod cold;
pub mod contenders;
pub mod fleet;
pub mod footprint;
pub mod library;
pub mod load;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod middleware;
pub mod overheads;
pub mod report;
pub mod server;
pub mod suite;
pub mod targets;
pub mod tenants;
pub mod throughput;

/// What goes wrong ends a measurement.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
