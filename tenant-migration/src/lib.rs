//! The fleet: provisioning, migrating and comparing the schemas of thousands of tenants.

pub mod drift;
#[cfg(feature = "lint")]
pub mod lint;
