//! The core of `sea-orm-tenant`. Applications depend on that crate, which re-exports this one.

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

#[cfg(feature = "service-client")]
pub use self::client::{
    ServiceError, TenantChanges, TenantServiceClient, TenantServiceClientBuilder,
};
#[cfg(feature = "database-store")]
pub use self::store::{
    ChangeKind, Changes, CreateTenantTables, DatabaseStore, NewTenant, RecordedChange, Revision,
    TenantRecord, TenantUpdate, UrlKeys, tenant_tables,
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
    placement::{ConnectionInfo, Placement},
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
        CacheStatistics, CachedStore, CachedStoreBuilder, InvalidTenantStatus, MemoryStore,
        PlacedPage, PlacedTenant, TenantChange, TenantDirectory, TenantInfo, TenantPage,
        TenantQuery, TenantRegistry, TenantStatus, TenantStore,
    },
    tenancy::{Tenancy, TenancyBuilder},
};
