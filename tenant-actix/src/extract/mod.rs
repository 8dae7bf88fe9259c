//! What handlers ask for.

mod connection;
mod current_tenant;
mod db;
mod transaction;

pub use self::{current_tenant::CurrentTenant, db::TenantDb, transaction::TenantTransaction};
