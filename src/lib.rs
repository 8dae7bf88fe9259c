//! Schema-per-tenant multitenancy for SeaORM.

pub use tenant_core::*;
#[cfg(feature = "macros")]
pub use tenant_macros::{TenantScoped, TenantShared, with_tenant};

pub mod prelude;

#[doc(hidden)]
pub mod __private;
