use sea_orm::ConnectionTrait as _;
use tenant_core::{MemoryStore, Tenancy, TenantId, TenantInfo};
use tenant_testkit::TestDatabase;

use crate::system::{one, open};

async fn each() -> [TestDatabase; 3] {
    [
        TestDatabase::postgres().await.unwrap(),
        TestDatabase::mariadb().await.unwrap(),
        TestDatabase::sqlite().unwrap(),
    ]
}

#[tokio::test]
async fn tests_have_tenants_of_the_same_names() {
    let acme: TenantId = "acme".parse().unwrap();
    // All of them at once: on MariaDB they are on one server, in one list of databases.
    let databases = [each().await, each().await];
    for database in databases.as_flattened() {
        let store = MemoryStore::new();
        let place = database.place(&acme).unwrap();
        store
            .insert(TenantInfo::active(acme.clone()), place)
            .unwrap();
        let tenancy = Tenancy::builder().store(store).build().unwrap();
        let db = tenancy.create_schema(&acme).await.unwrap();
        db.execute_unprepared("CREATE TABLE $tenant.book (id integer)")
            .await
            .unwrap();
        tenancy.close().await;
    }
}

#[tokio::test]
async fn shared_tables_are_in_the_default_schema() {
    for database in each().await {
        let db = open(database.shared()).await;
        let create = format!("CREATE TABLE {}.genre (id integer)", quoted(&database));
        db.execute_unprepared(&create).await.unwrap();
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM genre").await, 0);
        db.close().await.unwrap();
    }
}

fn quoted(database: &TestDatabase) -> String {
    match database.backend() {
        sea_orm::DbBackend::MySql => format!("`{}`", database.default_schema()),
        _ => format!("\"{}\"", database.default_schema()),
    }
}

/// How many databases there are whose names begin as this one's.
async fn beginning_as(url: &tenant_core::DatabaseUrl, name: &str) -> i64 {
    let catalogue = match url.backend() {
        sea_orm::DbBackend::Postgres => "SELECT datname AS name FROM pg_database",
        _ => "SELECT schema_name AS name FROM information_schema.schemata",
    };
    let db = open(url).await;
    let count = format!("SELECT count(*) FROM ({catalogue}) d WHERE name LIKE '{name}%'");
    let count = one(&db, &count).await;
    db.close().await.unwrap();
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_test_leaves_no_database() {
    for (first, second) in [
        (
            TestDatabase::postgres().await,
            TestDatabase::postgres().await,
        ),
        (TestDatabase::mariadb().await, TestDatabase::mariadb().await),
    ] {
        let (other, database) = (first.unwrap(), second.unwrap());
        let name = database.name().unwrap().to_owned();
        let acme: TenantId = "acme".parse().unwrap();
        let test = tokio::spawn(async move {
            let store = MemoryStore::new();
            let place = database.place(&acme).unwrap();
            store
                .insert(TenantInfo::active(acme.clone()), place)
                .unwrap();
            let tenancy = Tenancy::builder().store(store).build().unwrap();
            let _connected = tenancy.create_schema(&acme).await.unwrap();
            assert!(beginning_as(database.url(), database.name().unwrap()).await >= 1);
            panic!("as tests do");
        });
        let panic = test.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"as tests do"));
        assert_eq!(beginning_as(other.url(), &name).await, 0, "{name}");
        // The one that nobody has dropped.
        assert_eq!(beginning_as(other.url(), other.name().unwrap()).await, 1);
    }
}
