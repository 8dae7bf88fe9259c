//! The core of `sea-orm-tenant`. Applications depend on that crate, which re-exports this one.
//!
//! It knows neither HTTP servers nor macros: jobs and command lines are served by it alone. A
//! [`Tenancy`] finds out where a tenant is, and gives a [`TenantConnection`] that is bound to it;
//! whatever SeaORM renders with `schema_name = "$tenant"` lands in that tenant's schema.
//!
//! ```
//! use sea_orm::DbBackend;
//! use tenant_core::{QuotedSchema, SchemaName, TenantContext, TenantId, qualify};
//!
//! // Names are parsed once: one tenant, one spelling.
//! assert!(TenantId::try_from("Acme").is_err());
//! let acme = TenantId::from_static("acme");
//!
//! // The tenant is current for the extent of a scope.
//! let current = TenantContext::sync_scope(&acme, TenantContext::try_current);
//! assert_eq!(current, Some(acme.clone()));
//! assert!(TenantContext::current().is_err());
//!
//! // This is what a connection does to each statement.
//! let schema = QuotedSchema::new(&SchemaName::for_tenant(&acme), DbBackend::Postgres);
//! let sql = qualify(r#"SELECT "id" FROM "$tenant"."book""#, &schema);
//! assert_eq!(sql, r#"SELECT "id" FROM "tenant_acme"."book""#);
//! ```
//!
//! | to | there is |
//! |---|---|
//! | say which tenant code runs for | [`TenantContext`], [`TenantScope`], [`TenantFutureExt`], [`TenantStreamExt`] |
//! | say where tenants are | [`TenantStore`], [`MemoryStore`], [`CachedStore`], [`ConnectionInfo`], [`DatabaseUrl`] |
//! | have a tenant's connection | [`Tenancy`], [`TenantConnection`] |
//! | make a tenant's tables | [`Tenancy::create_schema`], [`TenantSchemaBuilder`] |
//! | run SQL that cannot be qualified | [`TenantDatabaseContext`], [`Tenancy::dedicated_connection`] |
//! | know what went wrong | [`TenantError`] |
//!
//! # Features
//!
//! None is on by default. A driver and a runtime are needed to connect.
//!
//! | feature | gives |
//! |---|---|
//! | `sqlx-postgres`, `sqlx-mysql`, `sqlx-sqlite`, `sqlx-all` | the driver, here and in SeaORM |
//! | `runtime-tokio`, `runtime-tokio-rustls`, `runtime-tokio-native-tls` | SeaORM's runtimes |
//! | `service-client` | `TenantServiceClient`: tenants are looked up at the tenant management service |
//! | `database-store` | `DatabaseStore`: tenants are looked up in a table, their database URLs encrypted |
//! | `schema-sync` | `TenantSchemaBuilder::sync`, for PostgreSQL: SeaORM's schema sync on a tenant's schema |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "service-client")]
mod client;
mod connection;
mod context;
mod entity;
mod error;
#[cfg(any(test, fuzzing))]
#[allow(missing_docs, clippy::panic, reason = "no part of the crate")]
pub mod fuzzing;
mod id;
mod limits;
mod placement;
mod qualify;
mod roles;
mod schema;
mod schema_builder;
mod session;
mod source;
mod store;
mod tenancy;
mod transactional;
mod words;

#[cfg(feature = "service-client")]
pub use self::client::{
    ServiceError, TenantChanges, TenantServiceClient, TenantServiceClientBuilder,
};
#[cfg(feature = "database-store")]
#[doc(hidden)]
pub use self::store::tenant_tables;
#[cfg(feature = "database-store")]
pub use self::store::{
    ChangeKind, Changes, CreateTenantTables, DatabaseStore, NewTenant, RecordedChange, Revision,
    TenantRecord, TenantUpdate, UrlKeys,
};
pub use self::{
    connection::{Borrowed, TenantConnection},
    context::{
        InTenant, InTenantStream, TenantContext, TenantFutureExt, TenantScope, TenantStreamExt,
    },
    entity::{TenantDeclared, TenantRelations, TenantScoped, TenantShared},
    error::TenantError,
    id::{InvalidTenantId, TenantId},
    limits::TenantLimits,
    placement::{ConnectionEntry, ConnectionInfo, InvalidPlacement, Placement, UnknownPlacement},
    qualify::{PLACEHOLDER, QuotedSchema, qualify},
    roles::DatabaseRoles,
    schema::{InvalidSchemaName, SchemaName},
    schema_builder::TenantSchemaBuilder,
    session::{IsTransaction, TenantDatabaseContext},
    source::{
        DataSourceStatistics, DatabaseUrl, SourceConnection, SourceStream, SourceTransaction,
        SourceTransactionStream,
    },
    store::{
        CacheStatistics, CachedStore, CachedStoreBuilder, InvalidTenantStatus, ListedTenant,
        MemoryStore, PlacedPage, PlacedTenant, TenantChange, TenantDirectory, TenantInfo,
        TenantPage, TenantQuery, TenantRegistry, TenantStatus, TenantStore,
    },
    tenancy::{Tenancy, TenancyBuilder},
};
