//! The tenant as the search path of one transaction, and as that of a connection of its own.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, poll};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, SqlErr, TransactionTrait as _};
use sea_orm_tenant::{
    SchemaName, TenantConnection, TenantContext, TenantDatabaseContext, TenantError, TenantId,
};

use super::rows::{add, ask, count, names};
use crate::support::{Server, World, on_every_database};

on_every_database!(
    a_dedicated_connection_reads_and_writes_the_tenants_tables_only,
    a_dedicated_connection_creates_in_the_tenants_schema_only,
);

const AUTHORS: &str = "SELECT count(*) FROM author";

/// A pool of one, so that whatever is left on the connection is found.
async fn pool_of_one(world: &World) -> TenantConnection<DatabaseConnection> {
    world.recorded(&world.acme, 1).await.0
}

async fn on(server: Server, test: impl AsyncFnOnce(&World)) {
    World::run(server, test).await;
}

async fn assert_default_path(acme: &TenantConnection<DatabaseConnection>) {
    let path = ask(acme.unscoped_raw(), "SHOW search_path").await.unwrap();
    assert_eq!(path, "\"$user\", public");
}

#[tokio::test]
async fn inside_unqualified_names_are_the_tenants() {
    on(Server::Postgres, async |world| {
        let acme = pool_of_one(world).await;
        add(&acme, "Verne").await.unwrap();
        let transaction = acme.begin().await.unwrap();
        let raw = transaction.unscoped_raw();
        let foreign = count(raw, AUTHORS).await.unwrap();
        assert_ne!(foreign, 1, "the planted ones in `public`");
        TenantDatabaseContext::apply_tenant_context(&transaction)
            .await
            .unwrap();
        assert_eq!(count(raw, AUTHORS).await.unwrap(), 1);
        let insert = "INSERT INTO author (name) VALUES ('Wells')";
        raw.execute_unprepared(insert).await.unwrap();
        // What is qualified still means what it says.
        assert_eq!(names(&transaction).await.unwrap(), ["Verne", "Wells"]);
        transaction.commit().await.unwrap();
        assert_eq!(names(&acme).await.unwrap(), ["Verne", "Wells"]);
        assert_default_path(&acme).await;
    })
    .await;
}

/// Without the check, a table would be made as a temporary one, and vanish.
#[tokio::test]
async fn a_missing_schema_is_an_error_and_sets_nothing() {
    on(Server::Postgres, async |world| {
        let nobody = TenantId::try_from(format!("new-{}", world.acme)).unwrap();
        world.store.add(nobody.clone(), &world.database).unwrap();
        let db = world.tenancy.for_tenant(&nobody).await.unwrap();
        let transaction = db.begin().await.unwrap();
        let refused = TenantDatabaseContext::apply_tenant_context(&transaction)
            .await
            .unwrap_err();
        assert!(matches!(refused, TenantError::MissingSchema { tenant, .. } if tenant == nobody));
        let path = ask(transaction.unscoped_raw(), "SHOW search_path").await;
        assert_eq!(path.unwrap(), "\"$user\", public");
    })
    .await;
}

#[tokio::test]
async fn inside_a_table_that_the_tenant_lacks_is_an_error() {
    on(Server::Postgres, async |world| {
        let acme = pool_of_one(world).await;
        let raw = acme.unscoped_raw();
        assert!(count(raw, "SELECT count(*) FROM genre").await.unwrap() > 0);
        let transaction = acme.begin().await.unwrap();
        TenantDatabaseContext::apply_tenant_context(&transaction)
            .await
            .unwrap();
        let raw = transaction.unscoped_raw();
        let error = count(raw, "SELECT count(*) FROM genre").await.unwrap_err();
        assert!(error.to_string().contains("does not exist"), "{error}");
        transaction.rollback().await.unwrap();
        assert_default_path(&acme).await;
    })
    .await;
}

#[tokio::test]
async fn more_schemas_are_visible_when_they_are_named() {
    on(Server::Postgres, async |world| {
        let acme = pool_of_one(world).await;
        let transaction = acme.begin().await.unwrap();
        let public = SchemaName::in_dedicated_database("public").unwrap();
        TenantDatabaseContext::apply_with(&transaction, &[public])
            .await
            .unwrap();
        let raw = transaction.unscoped_raw();
        assert!(count(raw, "SELECT count(*) FROM genre").await.unwrap() > 0);
        assert_eq!(count(raw, AUTHORS).await.unwrap(), 0, "the tenant's first");
        transaction.rollback().await.unwrap();
        assert_default_path(&acme).await;
    })
    .await;
}

#[tokio::test]
async fn a_temporary_table_that_was_left_behind_hides_nothing() {
    on(Server::Postgres, async |world| {
        let acme = pool_of_one(world).await;
        add(&acme, "Verne").await.unwrap();
        let left = "CREATE TEMPORARY TABLE author AS SELECT 7 AS id";
        acme.unscoped_raw().execute_unprepared(left).await.unwrap();
        let transaction = acme.begin().await.unwrap();
        TenantDatabaseContext::apply_tenant_context(&transaction)
            .await
            .unwrap();
        let name = ask(transaction.unscoped_raw(), "SELECT name FROM author");
        assert_eq!(name.await.unwrap(), "Verne");
        transaction.rollback().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn nothing_of_it_outlives_the_transaction_however_that_ends() {
    on(Server::Postgres, async |world| {
        let acme = pool_of_one(world).await;
        let applied = async || {
            let transaction = acme.begin().await.unwrap();
            TenantDatabaseContext::apply_tenant_context(&transaction)
                .await
                .unwrap();
            transaction
        };
        applied().await.commit().await.unwrap();
        assert_default_path(&acme).await;
        applied().await.rollback().await.unwrap();
        assert_default_path(&acme).await;
        drop(applied().await);
        assert_default_path(&acme).await;

        let panicking = AssertUnwindSafe(async {
            let _transaction = applied().await;
            panic!("planned");
        });
        panicking.catch_unwind().await.unwrap_err();
        assert_default_path(&acme).await;

        let failed = acme.transaction_async::<_, (), TenantError>(async |transaction| {
            TenantDatabaseContext::apply_tenant_context(transaction).await?;
            ask(transaction.unscoped_raw(), "SELECT 1/0").await?;
            Ok(())
        });
        failed.await.unwrap_err();
        assert_default_path(&acme).await;
    })
    .await;
}

#[tokio::test]
async fn nothing_of_it_outlives_a_savepoint_that_is_rolled_back() {
    on(Server::Postgres, async |world| {
        let acme = pool_of_one(world).await;
        let transaction = acme.begin().await.unwrap();
        let savepoint = transaction.begin().await.unwrap();
        TenantDatabaseContext::apply_tenant_context(&savepoint)
            .await
            .unwrap();
        assert_eq!(count(savepoint.unscoped_raw(), AUTHORS).await.unwrap(), 0);
        savepoint.rollback().await.unwrap();
        assert_ne!(count(transaction.unscoped_raw(), AUTHORS).await.unwrap(), 0);
        transaction.commit().await.unwrap();
        assert_default_path(&acme).await;
    })
    .await;
}

/// Dropped after each of its polls, whichever statement is under way then.
#[tokio::test]
async fn nothing_of_it_outlives_a_future_that_is_cancelled_anywhere() {
    on(Server::Postgres, async |world| {
        let acme = pool_of_one(world).await;
        for polls in super::interleaving::cut::EVERYWHERE {
            let request = async {
                let transaction = acme.begin().await?;
                TenantDatabaseContext::apply_tenant_context(&transaction).await?;
                count(transaction.unscoped_raw(), AUTHORS).await?;
                transaction.commit().await?;
                Ok::<_, TenantError>(())
            };
            if let Some(completed) = super::interleaving::cut::after(polls % 10 + 1, request).await
            {
                completed.unwrap();
            }
            assert_default_path(&acme).await;
        }
    })
    .await;
}

#[tokio::test]
async fn mysql_says_what_to_use_instead() {
    on(Server::MySql, async |world| {
        let acme = pool_of_one(world).await;
        let transaction = acme.begin().await.unwrap();
        let refused = TenantDatabaseContext::apply_tenant_context(&transaction).await;
        let error = refused.unwrap_err();
        assert!(matches!(error, TenantError::Unsupported { .. }));
        let text = error.to_string();
        for word in [
            "MySQL",
            "`USE`",
            "`$tenant.`",
            "`Tenancy::dedicated_connection`",
        ] {
            assert!(text.contains(word), "{text} says no {word}");
        }
        let database = ask(transaction.unscoped_raw(), "SELECT DATABASE()").await;
        assert_eq!(database.unwrap(), world.default_schema());
    })
    .await;
}

#[tokio::test]
async fn on_sqlite_the_file_is_the_tenants_already() {
    on(Server::Sqlite, async |world| {
        let acme = pool_of_one(world).await;
        add(&acme, "Verne").await.unwrap();
        let transaction = acme.begin().await.unwrap();
        TenantDatabaseContext::apply_tenant_context(&transaction)
            .await
            .unwrap();
        assert_eq!(count(transaction.unscoped_raw(), AUTHORS).await.unwrap(), 1);
        transaction.commit().await.unwrap();

        let attached: SchemaName = "attached".parse().unwrap();
        let id = world.acme.clone();
        let elsewhere = TenantConnection::borrow(acme.unscoped_raw(), id, attached);
        let transaction = elsewhere.begin().await.unwrap();
        let refused = TenantDatabaseContext::apply_tenant_context(&transaction).await;
        let error = refused.unwrap_err();
        assert!(
            matches!(error, TenantError::Unsupported { .. }),
            "{error:?}"
        );
    })
    .await;
}

async fn a_dedicated_connection_reads_and_writes_the_tenants_tables_only(world: &World) {
    let (acme, globex) = (world.acme().await, world.globex().await);
    let shared = world.tenancy.shared().await.unwrap();
    let foreign = count(&shared, AUTHORS).await.unwrap();
    add(&globex, "Globex's").await.unwrap();
    // Whoever is current has nothing to do with it.
    let dedicated = TenantContext::scope(
        world.globex.clone(),
        world.tenancy.dedicated_connection(&world.acme),
    );
    let dedicated = dedicated.await.unwrap();
    assert_eq!(count(&dedicated, AUTHORS).await.unwrap(), 0);
    let insert = "INSERT INTO author (name) VALUES ('Verne')";
    dedicated.execute_unprepared(insert).await.unwrap();
    let twice = dedicated.execute_unprepared(insert).await.unwrap_err();
    assert!(matches!(
        twice.sql_err(),
        Some(SqlErr::UniqueConstraintViolation(_))
    ));
    assert_eq!(names(&acme).await.unwrap(), ["Verne"]);
    assert_eq!(names(&globex).await.unwrap(), ["Globex's"]);
    assert_eq!(count(&shared, AUTHORS).await.unwrap(), foreign);
    if world.server != Server::Sqlite {
        // On SQLite the shared file is attached, so that migrations can read it.
        let shared_table = count(&dedicated, "SELECT count(*) FROM genre").await;
        assert!(matches!(shared_table, Err(DbErr::Query(_))));
    }
    dedicated.close().await.unwrap();
}

async fn a_dedicated_connection_creates_in_the_tenants_schema_only(world: &World) {
    let dedicated = world.tenancy.dedicated_connection(&world.acme);
    let dedicated = dedicated.await.unwrap();
    let create = "CREATE TABLE made (id int)";
    dedicated.execute_unprepared(create).await.unwrap();
    dedicated.close().await.unwrap();

    let made = async |tenant: &TenantId| {
        let db = world.tenancy.for_tenant(tenant).await.unwrap();
        count(&db, "SELECT count(*) FROM $tenant.made")
            .await
            .is_ok()
    };
    assert!(made(&world.acme).await);
    assert!(!made(&world.globex).await);
    let shared = world.tenancy.shared().await.unwrap();
    count(&shared, "SELECT count(*) FROM made")
        .await
        .unwrap_err();
}

/// A dedicated connection is never handed to somebody else.
#[tokio::test]
async fn a_dedicated_connection_leaves_no_search_path_in_a_pool() {
    on(Server::Postgres, async |world| {
        let tenancy = world.tenancy().max_connections(1).build().unwrap();
        let acme = tenancy.for_tenant(&world.acme).await.unwrap();
        let dedicated = tenancy.dedicated_connection(&world.acme).await.unwrap();
        let path = ask(&dedicated, "SHOW search_path").await.unwrap();
        assert!(!path.contains("public"), "{path}");
        let mut closing = Box::pin(dedicated.close());
        assert!(poll!(closing.as_mut()).is_pending());
        drop(closing);
        let path = ask(acme.unscoped_raw(), "SHOW search_path").await.unwrap();
        assert_eq!(path, "\"$user\", public");
        tenancy.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_dedicated_connection_comes_back_to_the_tenant_when_it_is_reset() {
    on(Server::Postgres, async |world| {
        let db = world
            .tenancy
            .dedicated_connection(&world.acme)
            .await
            .unwrap();
        for reset in ["RESET search_path", "RESET ALL"] {
            db.execute_unprepared(reset).await.unwrap();
            assert_eq!(count(&db, AUTHORS).await.unwrap(), 0, "after {reset}");
        }
        db.close().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_dedicated_connection_does_not_reach_shared_tables_of_sqlite() {
    on(Server::Sqlite, async |world| {
        let db = world
            .tenancy
            .dedicated_connection(&world.acme)
            .await
            .unwrap();
        db.execute_unprepared("DROP TABLE genre").await.unwrap_err();
        db.close().await.unwrap();
        let genres = "SELECT count(*) FROM genre";
        let shared = world.tenancy.shared().await.unwrap();
        assert_eq!(count(&shared, genres).await.unwrap(), 2);
    })
    .await;
}

/// As a migration has it: somebody else owns the transaction.
#[tokio::test]
async fn a_borrowed_transaction_takes_the_tenant_too() {
    on(Server::Postgres, async |world| {
        let (database, schema, _) = world.recorded_database(&world.acme, 1).await;
        let owned = database.begin().await.unwrap();
        let borrowed = TenantConnection::borrow(&owned, world.acme.clone(), schema);
        TenantDatabaseContext::apply_tenant_context(&borrowed)
            .await
            .unwrap();
        assert_eq!(count(&owned, AUTHORS).await.unwrap(), 0);
        owned.rollback().await.unwrap();
    })
    .await;
}
