//! What Citus refuses of a tenant migrator.
