//! Where tenants are looked up.

mod info;

pub use self::info::{TenantInfo, TenantStatus};
