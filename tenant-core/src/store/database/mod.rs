//! Tenants in a table.
