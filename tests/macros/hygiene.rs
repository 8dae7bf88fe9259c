//! The macros between names that mean something else.
#![allow(dead_code, unreachable_pub)]

mod core {}
mod std {}
mod sea_orm_tenant {}

struct Result;
struct Option;
struct Some;
struct None;
struct Ok;
struct Err;
struct String;
struct Box;
struct Send;
struct TenantId;
struct TenantContext;
trait Into {}
trait From {}
trait Future {}
trait EntityTrait {}
trait TenantDeclared {}

fn now() -> ::core::option::Option<::sea_orm_tenant::TenantId> {
    ::sea_orm_tenant::TenantContext::try_current()
}

fn acme() -> ::sea_orm_tenant::TenantId {
    ::sea_orm_tenant::TenantId::from_static("acme")
}

#[::sea_orm_tenant::with_tenant("acme")]
async fn literal(
    tenant: u8,
    returned: u8,
) -> (::core::option::Option<::sea_orm_tenant::TenantId>, u8) {
    (now(), tenant + returned)
}

#[::sea_orm_tenant::with_tenant(acme())]
async fn expression() -> ::core::result::Result<(), u8> {
    let outcome: ::core::result::Result<(), u8> = ::core::result::Result::Ok(());
    outcome?;
    ::core::assert_eq!(now(), ::core::option::Option::Some(acme()));
    outcome
}

#[::sea_orm_tenant::with_tenant("acme")]
fn at_once(tenant: u8) -> u8 {
    tenant
}

#[::sea_orm_tenant::with_tenant("acme")]
fn future(tenant: u8) -> impl ::core::future::Future<Output = u8> {
    async move { tenant }
}

mod entity {
    use sea_orm::entity::prelude::*;

    /// The names of the traits are not to be found here.
    trait TenantScoped {}
    trait TenantDeclared {}

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, ::sea_orm_tenant::TenantScoped)]
    #[sea_orm(table_name = "book", schema_name = "$tenant")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

#[::tokio::test]
async fn names_around_the_macros_do_not_matter() {
    let (seen, sum) = literal(1, 2).await;
    ::core::assert_eq!(seen, ::core::option::Option::Some(acme()));
    ::core::assert_eq!(sum, 3);
    ::core::assert_eq!(expression().await, ::core::result::Result::Ok(()));
    ::core::assert_eq!(at_once(1), 1);
    ::core::assert_eq!(future(1).await, 1);
}
