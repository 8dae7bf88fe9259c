use sea_orm::EntityTrait;

/// An entity whose table every tenant has for itself, in the tenant's schema.
///
/// Derive it on the model. The derive checks that the entity says `schema_name = "$tenant"`, and
/// that whatever it belongs to is [`TenantScoped`] or [`TenantShared`].
#[diagnostic::on_unimplemented(
    message = "the entity `{Self}` is not tenant-scoped",
    label = "has no `TenantScoped`",
    note = "add `schema_name = \"$tenant\"` to its `#[sea_orm(..)]` and derive `TenantScoped` on its model"
)]
pub trait TenantScoped: EntityTrait + TenantDeclared {}

/// An entity whose table all tenants read, outside of every tenant's schema.
///
/// Derive it on the model. The derive refuses `$tenant`, and references to tenant-scoped entities:
/// a shared row that points into one tenant's table would mean another row to every other tenant.
#[diagnostic::on_unimplemented(
    message = "a shared entity may not reference `{Self}`, which is not shared",
    label = "is not `TenantShared`",
    note = "derive `TenantShared` on its model if all tenants share that table, else keep the reference on the tenant's side"
)]
pub trait TenantShared: EntityTrait + TenantDeclared {}

/// An entity that says where it lives: implemented by both derives, next to [`TenantScoped`] or
/// [`TenantShared`].
#[diagnostic::on_unimplemented(
    message = "the entity `{Self}` is neither tenant-scoped nor shared",
    label = "says neither `TenantScoped` nor `TenantShared`",
    note = "a tenant-scoped entity may only belong to entities that say where they live: derive `TenantScoped` or `TenantShared` on the model of `{Self}`"
)]
pub trait TenantDeclared: EntityTrait {}

/// A `Relation` enum whose targets were checked. The derives put it there.
#[diagnostic::on_unimplemented(
    message = "the relations of this entity were not checked",
    label = "derive `TenantScoped` or `TenantShared` here too",
    note = "in SeaORM's compact form the `Relation` enum is an item of its own: add the same derive to it that its model has"
)]
pub trait TenantRelations {}
