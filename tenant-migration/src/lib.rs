//! The fleet: provisioning, migrating and comparing the schemas of thousands of tenants.
//!
//! Users keep their `sea-orm-migration`: a `MigratorTrait` of tenants' tables becomes [`Migrations`],
//! and a [`Fleet`] applies them to the tenants of a
//! [`TenantDirectory`](tenant_core::TenantDirectory). Applications depend on `sea-orm-tenant`, which
//! re-exports this crate as `sea_orm_tenant::migration`.
//!
//! ```no_run
//! use sea_orm_migration::MigratorTrait;
//! use tenant_core::{ConnectionInfo, DatabaseUrl, MemoryStore, TenantId, TenantInfo};
//! use tenant_migration::{Fleet, Migrations, Provision, Run, Selection};
//!
//! async fn deploy<TenantMigrator: MigratorTrait>(
//!     store: MemoryStore,
//!     database: DatabaseUrl,
//! ) -> Result<(), Box<dyn std::error::Error>> {
//!     let fleet = Fleet::builder(store, Migrations::of::<TenantMigrator>()?).build()?;
//!
//!     // Schema, tables, and then the entry in the store.
//!     let acme = TenantId::from_static("acme");
//!     let place = ConnectionInfo::shared(&database, &acme);
//!     fleet.provision(&Provision::new(TenantInfo::active(acme), place)).await?;
//!
//!     // Everybody: one tenant's failure stops nobody else, and is in the report.
//!     let report = fleet.up(&Run::of(Selection::All)).await?;
//!     println!("{}", report.counts());
//!     Ok(())
//! }
//! ```
//!
//! | to | call |
//! |---|---|
//! | make a tenant | [`Fleet::provision`], [`Fleet::copy_tenant`] |
//! | find out who is behind | [`Fleet::status`] |
//! | apply, or take back | [`Fleet::up`], [`Fleet::down`]; [`Fleet::plan_up`] without doing it |
//! | find out whose schema is not as it should be | [`Fleet::drift`] |
//! | take a tenant out of service | [`Fleet::archive`], [`Fleet::drop_tenant`] |
//! | give one another id | [`Fleet::rename`] |
//! | serve only who is up to date | [`VersionGate`] |
//!
//! # In a migration
//!
//! Unqualified names are the tenant's, and no others: on PostgreSQL the search path has the tenant's
//! schema alone, on MySQL it is the default database, on SQLite the file. Shared tables are named
//! with their schema. Entities with `$tenant` work on [`TenantSchemaManager::tenant`].
//!
//! On PostgreSQL and SQLite each migration is one transaction, unless it says
//! `use_transaction() -> Some(false)`. On SQLite foreign keys are not enforced in it, so that a table
//! can be rebuilt, but looked at in the end. MySQL cannot take back DDL: write migrations that can be
//! repeated.
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | gives |
//! |---|---|
//! | `sqlx-postgres`, `sqlx-mysql`, `sqlx-sqlite` | the driver, here and in SeaORM |
//! | `lint` | `lint`: what Citus refuses of a migrator's SQL |
//! | `cli` | `cli`: the commands of a migration binary, `lint` among them |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "cli")]
pub mod cli;
mod connection;
pub mod drift;
mod error;
mod files;
mod fleet;
mod gate;
mod ledger;
#[cfg(feature = "lint")]
pub mod lint;
mod manager;
mod migrations;
mod names;
mod provision;
mod rehearsal;
mod relocate;
mod report;
mod retire;
mod roles;
mod session;
mod status;

pub use self::{
    error::MigrationError,
    fleet::{
        Fleet, FleetBuilder, Patterns, Plan, PlannedMigration, Reference, Rollout, Run, Selection,
        Share, Stop, TenantDrift,
    },
    gate::{VersionGate, VersionGateBuilder},
    manager::TenantSchemaManager,
    migrations::Migrations,
    provision::{Provision, ProvisionEvent, ProvisionStep, Provisioned, SeedConnection, Take},
    report::{Counts, FleetReport, Outcome, Skipped, TenantReport},
    roles::share_with_tenants,
    status::{SchemaStatus, SchemaVersion},
};
