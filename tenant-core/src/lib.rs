//! The core of `sea-orm-tenant`. Applications depend on that crate, which re-exports this one.

mod context;
mod entity;
mod error;
mod id;
mod schema;
mod store;

pub use self::{
    context::{InTenant, InTenantStream, TenantContext, TenantFutureExt, TenantStreamExt},
    entity::{TenantDeclared, TenantRelations, TenantScoped, TenantShared},
    error::TenantError,
    id::{InvalidTenantId, TenantId},
    schema::{InvalidSchemaName, SchemaName},
    store::{TenantInfo, TenantStatus},
};
