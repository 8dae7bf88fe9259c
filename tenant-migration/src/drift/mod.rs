//! What differs between a tenant's schema and a reference.
