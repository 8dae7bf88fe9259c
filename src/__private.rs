//! What the macros expand to. Not for use by hand: it may change in any release.

use std::{future::Future, marker::PhantomData};

pub use sea_orm::EntityTrait;
pub use tenant_core::{
    TenantContext, TenantDeclared, TenantId, TenantRelations, TenantScoped, TenantShared,
};

/// What `#[with_tenant(..)]` takes for a tenant.
#[diagnostic::on_unimplemented(
    message = "`#[with_tenant(..)]` needs a `TenantId`, this is a `{Self}`",
    label = "is not `Into<TenantId>`",
    note = "validate it first, in a function that can fail: `#[with_tenant(TenantId::try_from(name)?)]`"
)]
pub trait NamesTenant: Sized {
    /// The tenant's id.
    fn tenant_id(self) -> TenantId;
}

#[diagnostic::do_not_recommend]
impl<T: Into<TenantId>> NamesTenant for T {
    fn tenant_id(self) -> TenantId {
        self.into()
    }
}

/// The tenant that `#[with_tenant(EXPRESSION)]` names.
pub fn tenant_id(tenant: impl NamesTenant) -> TenantId {
    tenant.tenant_id()
}

/// Has a closure or `async` block capture `argument`, so that it is dropped in there.
pub const fn hold<T>(argument: &T) {
    let _ = argument;
}

/// Tells futures from other values: its own method exists for a future only, and is preferred to
/// the method of [`Otherwise`].
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

impl<T> Probe<T> {
    /// Asks about the type of `value`.
    pub const fn of(_value: &T) -> Self {
        Self(PhantomData)
    }
}

impl<F: Future> Probe<F> {
    /// It is a future.
    pub const fn verdict(&self) -> IsFuture {
        IsFuture
    }
}

/// The verdict about what is no future.
pub trait Otherwise {
    /// It is no future.
    fn verdict(&self) -> IsNoFuture {
        IsNoFuture
    }
}

impl<T> Otherwise for Probe<T> {}

/// The verdict about a future.
#[derive(Debug)]
pub struct IsFuture;

/// The verdict about anything else.
#[derive(Debug)]
pub struct IsNoFuture;

/// A verdict with which a value may be returned from a scope.
#[diagnostic::on_unimplemented(
    message = "the tenant would be gone before this future runs",
    label = "this is a future",
    note = "write an `async fn`, or spell the type as `impl Future<..>` or `Pin<Box<dyn Future<..>>>` and end the body in an `async` block",
    note = "a future that has its tenant already may be returned as an `InTenant<..>`"
)]
pub trait MayBeReturned {}

impl MayBeReturned for IsNoFuture {}

/// Compiles only for what is no future.
pub fn assert_no_future(_verdict: impl MayBeReturned) {}

/// Compiles only for a target that a tenant-scoped entity may belong to.
pub const fn assert_declared<E: TenantDeclared>() {}

/// Compiles only for a target that a shared entity may belong to.
pub const fn assert_shared<E: TenantShared>() {}

/// A `Relation` enum whose targets were checked, as seen from its entity.
#[diagnostic::on_unimplemented(
    message = "the relations of this entity were not checked",
    label = "`{Self}` does not have the derive that this has",
    note = "where `#[sea_orm::model]` does not generate the `Relation` enum, add `TenantScoped` or `TenantShared` to it: the derive that its entity has"
)]
pub trait CheckedRelations {}

#[diagnostic::do_not_recommend]
impl<R: TenantRelations> CheckedRelations for R {}

/// Compiles only for a `Relation` enum whose targets were checked.
pub const fn assert_relations_checked<R: CheckedRelations>() {}

/// An entity whose relations derive `TenantScoped`.
#[diagnostic::on_unimplemented(
    message = "these relations derive `TenantScoped`, but their entity `{Self}` does not",
    label = "`{Self}` is not `TenantScoped`",
    note = "give the model and its `Relation` enum the same derive"
)]
pub trait ScopedOwner {}

#[diagnostic::do_not_recommend]
impl<E: TenantScoped> ScopedOwner for E {}

/// Compiles only for an entity that may have relations which derive `TenantScoped`.
pub const fn assert_scoped_owner<E: ScopedOwner>() {}

/// An entity whose relations derive `TenantShared`.
#[diagnostic::on_unimplemented(
    message = "these relations derive `TenantShared`, but their entity `{Self}` does not",
    label = "`{Self}` is not `TenantShared`",
    note = "give the model and its `Relation` enum the same derive"
)]
pub trait SharedOwner {}

#[diagnostic::do_not_recommend]
impl<E: TenantShared> SharedOwner for E {}

/// Compiles only for an entity that may have relations which derive `TenantShared`.
pub const fn assert_shared_owner<E: SharedOwner>() {}
