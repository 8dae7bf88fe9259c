//! What has no tenant fails, and says why.

mod entities;
mod errors;
mod missing;
mod raw_sql;
mod secrets;
mod stores;
mod tenants;
