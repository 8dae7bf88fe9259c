//! A place that is not there is an error, and never an empty tenant.

use sea_orm::ConnectionTrait as _;
use sea_orm_tenant::{ConnectionInfo, DatabaseUrl, TenantError, TenantId, TenantInfo};

use super::super::rows::{add, count, names};
use crate::support::{Server, World, on_every_database};

on_every_database!(
    a_missing_schema_is_an_error_and_is_not_created,
    a_missing_schema_has_no_dedicated_connection,
    a_missing_database_is_an_error_and_is_not_created,
    create_schema_makes_an_empty_one_and_twice_is_fine,
    create_schema_empties_nothing,
);

fn nobody(world: &World) -> TenantId {
    let nobody = TenantId::try_from(format!("new-{}", world.acme)).unwrap();
    world.store.add(nobody.clone(), &world.database).unwrap();
    nobody
}

async fn a_missing_schema_is_an_error_and_is_not_created(world: &World) {
    let nobody = nobody(world);
    match world.tenancy.for_tenant(&nobody).await {
        // The file is opened first of all.
        Err(error) => {
            assert_eq!(world.server, Server::Sqlite);
            assert!(matches!(error, TenantError::DataSourceUnavailable { .. }));
        }
        Ok(db) => {
            assert_ne!(world.server, Server::Sqlite);
            names(&db).await.unwrap_err();
            add(&db, "Verne").await.unwrap_err();
            let create = "CREATE TABLE $tenant.t (id int)";
            db.execute_unprepared(create).await.unwrap_err();
        }
    }
    assert!(!exists(world, &nobody).await);
}

async fn a_missing_schema_has_no_dedicated_connection(world: &World) {
    let nobody = nobody(world);
    if let Ok(db) = world.tenancy.dedicated_connection(&nobody).await {
        let created = db.execute_unprepared("CREATE TABLE t (id int)").await;
        assert!(created.is_err(), "created a table in no schema");
        db.close().await.unwrap();
    }
    assert!(!exists(world, &nobody).await);
}

async fn a_missing_database_is_an_error_and_is_not_created(world: &World) {
    let missing = TenantId::try_from(format!("own-{}", world.acme)).unwrap();
    let url = match world.server {
        Server::Sqlite => DatabaseUrl::sqlite(world.path().join("own.sqlite")).unwrap(),
        _ => {
            let mut url = url::Url::parse(world.database.expose()).unwrap();
            url.set_path(missing.as_str());
            DatabaseUrl::new(url.to_string()).unwrap()
        }
    };
    let placed = ConnectionInfo::dedicated(&url).unwrap();
    let info = TenantInfo::active(missing.clone());
    world.store.insert(info, placed).unwrap();
    let tenancy = &world.tenancy;
    let errors = [
        tenancy.for_tenant(&missing).await.err(),
        tenancy.dedicated_connection(&missing).await.err(),
    ];
    for error in errors {
        assert!(
            matches!(error, Some(TenantError::DataSourceUnavailable { .. })),
            "{error:?}"
        );
    }
    if world.server == Server::Sqlite {
        assert!(!world.path().join("own.sqlite").exists());
    }
    world.store.remove(&missing);
}

async fn create_schema_makes_an_empty_one_and_twice_is_fine(world: &World) {
    let nobody = nobody(world);
    assert!(!exists(world, &nobody).await);
    for _ in 0..2 {
        let db = world.tenancy.create_schema(&nobody).await.unwrap();
        assert_eq!(db.tenant(), &nobody);
        assert!(exists(world, &nobody).await);
        // Empty: there is no table yet.
        names(&db).await.unwrap_err();
    }
    let db = world.tenancy.for_tenant(&nobody).await.unwrap();
    let create = "CREATE TABLE $tenant.t (id int)";
    db.execute_unprepared(create).await.unwrap();
    let rows = count(&db, "SELECT count(*) FROM $tenant.t").await.unwrap();
    assert_eq!(rows, 0);
}

async fn create_schema_empties_nothing(world: &World) {
    add(&world.acme().await, "Verne").await.unwrap();
    let again = world.tenancy.create_schema(&world.acme).await.unwrap();
    assert_eq!(names(&again).await.unwrap(), ["Verne"]);
}

async fn exists(world: &World, tenant: &TenantId) -> bool {
    let schema = format!("tenant_{tenant}");
    if world.server == Server::Sqlite {
        let file = format!("{schema}.sqlite");
        return world.path().join("tenants").join(file).exists();
    }
    let shared = world.tenancy.shared().await.unwrap();
    let sql =
        format!("SELECT count(*) FROM information_schema.schemata WHERE schema_name = '{schema}'");
    count(&shared, &sql).await.unwrap() == 1
}
