//! What the macros expand to. Not for use by hand: it may change in any release.

pub use sea_orm::EntityTrait;
pub use tenant_core::{
    TenantContext, TenantDeclared, TenantId, TenantRelations, TenantScoped, TenantShared,
};

/// Compiles only for a target that a tenant-scoped entity may belong to.
pub const fn assert_declared<E: TenantDeclared>() {}

/// Compiles only for a target that a shared entity may belong to.
pub const fn assert_shared<E: TenantShared>() {}

/// Compiles only for a `Relation` enum whose targets were checked.
pub const fn assert_relations_checked<R: TenantRelations>() {}
