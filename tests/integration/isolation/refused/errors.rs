//! Tenant errors inside SeaORM's signatures.

use sea_orm::{DbErr, SqlErr, TransactionTrait as _};
use sea_orm_tenant::{DatabaseUrl, MemoryStore, Tenancy, TenantContext, TenantError, TenantId};

use super::super::rows::{add, names};
use crate::support::{World, on_every_database};

on_every_database!(
    a_database_error_comes_out_of_a_tenant_error_as_it_went_in,
    a_tenant_error_passes_through_a_function_of_seaorms_signature,
);

async fn a_database_error_comes_out_of_a_tenant_error_as_it_went_in(world: &World) {
    let acme = world.acme().await;
    add(&acme, "Verne").await.unwrap();
    let duplicate = add(&acme, "Verne").await.unwrap_err();
    let text = duplicate.to_string();
    let wrapped = TenantError::from(duplicate);
    assert_eq!(wrapped.to_string(), text);
    let unwrapped = DbErr::from(wrapped);
    assert_eq!(unwrapped.to_string(), text);
    assert!(matches!(
        unwrapped.sql_err(),
        Some(SqlErr::UniqueConstraintViolation(_))
    ));
}

async fn a_tenant_error_passes_through_a_function_of_seaorms_signature(world: &World) {
    async fn authors(world: &World) -> Result<Vec<String>, DbErr> {
        let db = world.tenancy.current().await?;
        let transaction = db.begin().await?;
        names(&transaction).await
    }
    let error = authors(world).await.unwrap_err();
    assert!(matches!(TenantError::from(error), TenantError::NoTenant));
    let inside = TenantContext::scope(world.acme.clone(), authors(world)).await;
    assert!(inside.unwrap().is_empty());
}

/// On SQLite the directory of the tenants' files is easily taken for it.
#[test]
fn a_directory_is_no_shared_database() {
    let directory = tempfile::tempdir().unwrap();
    let refused = Tenancy::builder()
        .store(MemoryStore::new())
        .shared_database(DatabaseUrl::sqlite(directory.path()).unwrap())
        .build()
        .unwrap_err();
    assert!(
        matches!(refused, TenantError::Configuration(_)),
        "{refused}"
    );
    let path = directory.path().display().to_string();
    assert!(refused.to_string().contains(&path), "{refused}");
}

/// Different answers stay different behind SeaORM's one error type.
#[test]
fn other_tenant_errors_come_out_as_they_went_in() {
    let tenant = TenantId::from_static("acme");
    for error in [
        TenantError::NoTenant,
        TenantError::UnscopedSql,
        TenantError::UnknownTenant { tenant },
        TenantError::DataSourcesExhausted { max: 3 },
        TenantError::store_unavailable("no route to host"),
        TenantError::Configuration("it is wrong".to_owned()),
    ] {
        let inside = DbErr::from(error.clone());
        assert!(inside.to_string().ends_with(&error.to_string()), "{inside}");
        let outside = TenantError::from(inside);
        assert_eq!(format!("{outside:?}"), format!("{error:?}"));
    }
    let foreign = DbErr::TryIntoErr {
        from: "i64",
        into: "u8",
        source: std::sync::Arc::new(u8::try_from(1000_i64).unwrap_err()),
    };
    assert!(matches!(
        TenantError::from(foreign),
        TenantError::Database(_)
    ));
}
