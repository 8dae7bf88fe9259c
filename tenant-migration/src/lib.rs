//! The fleet: provisioning, migrating and comparing the schemas of thousands of tenants.

#[cfg(feature = "cli")]
pub mod cli;
pub mod drift;
mod error;
mod fleet;
mod gate;
mod ledger;
#[cfg(feature = "lint")]
pub mod lint;
mod manager;
mod migrations;
mod provision;
mod rehearsal;
mod relocate;
mod report;
mod retire;
mod session;
mod status;

pub use self::{
    error::MigrationError,
    fleet::{
        Fleet, FleetBuilder, Plan, PlannedMigration, Reference, Rollout, Run, Selection, Share,
        Stop, TenantDrift,
    },
    gate::{VersionGate, VersionGateBuilder},
    manager::TenantSchemaManager,
    migrations::Migrations,
    provision::{Provision, ProvisionEvent, ProvisionStep, Provisioned, SeedConnection, Take},
    report::{Counts, FleetReport, Outcome, Skipped, TenantReport},
    status::{SchemaStatus, SchemaVersion},
};
