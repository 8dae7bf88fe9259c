#![doc = include_str!("../README.md")]
//!
//! # Map of this crate
//!
//! | to | there is |
//! |---|---|
//! | say which tenant code runs for | [`TenantContext`], [`TenantFutureExt`], [`TenantStreamExt`], `#[with_tenant]` |
//! | get a tenant's connection | [`Tenancy`], [`TenantConnection`] |
//! | say where tenants are | [`TenantStore`], [`MemoryStore`], `DatabaseStore`, `TenantServiceClient`, [`CachedStore`], [`ConnectionInfo`], [`DatabaseUrl`] |
//! | serve tenants with actix-web | `actix::TenantMiddleware`, `actix::TenantDb` |
//! | say where a table lives | [`TenantScoped`], [`TenantShared`] |
//! | make a tenant's tables | [`Tenancy::create_schema`], [`TenantSchemaBuilder`] |
//! | run SQL that cannot be qualified | [`TenantDatabaseContext`], [`Tenancy::dedicated_connection`] |
//! | rewrite SQL by hand | [`qualify()`], [`QuotedSchema`] |
//! | make and migrate all tenants | `migration::Fleet`, `migration::Migrations`, `migration::VersionGate` |
//! | have the server keep tenants apart, too | [`TenancyBuilder::database_roles`], [`TenancyBuilder::strict`] |
//! | bound what a tenant uses | [`TenancyBuilder::limits`], [`TenancyBuilder::connections_per_tenant`] |
//!
//! Links are to what every build has; the rest is behind the features `actix`,
//! `database-store`, `macros`, `migration` and `service-client`.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "actix")]
pub use tenant_actix as actix;
pub use tenant_core::*;
#[cfg(feature = "macros")]
pub use tenant_macros::{TenantScoped, TenantShared, with_tenant};
#[cfg(feature = "migration")]
pub use tenant_migration as migration;

#[cfg(doctest)]
mod guide;
pub mod prelude;

#[doc(hidden)]
pub mod __private;
