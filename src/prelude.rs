//! What most applications need, in one `use`.

#[cfg(feature = "actix")]
pub use tenant_actix::{
    CurrentTenant, TenantDb, TenantGuard, TenantMiddleware, TenantProblem, TenantTransaction,
};
pub use tenant_core::{
    ConnectionInfo, DatabaseUrl, MemoryStore, SchemaName, Tenancy, TenantConnection, TenantContext,
    TenantError, TenantFutureExt as _, TenantId, TenantScoped, TenantShared, TenantStore,
    TenantStreamExt as _,
};
#[cfg(feature = "macros")]
pub use tenant_macros::{TenantScoped, TenantShared, with_tenant};
