//! What is set on every SQLite connection, however many a pool has.

use std::time::Duration;

use sea_orm::{ActiveModelTrait as _, ActiveValue::Set, SqlErr, TransactionTrait as _};

use sea_orm_tenant::{DatabaseUrl, MemoryStore, Tenancy};

use super::super::rows::{add, ask, count};
use crate::support::{Server, World, entities::book};

const CONNECTIONS: usize = 4;

/// All connections of a pool at once: each is taken by a transaction.
#[tokio::test]
async fn every_connection_of_a_pool_is_set_up() {
    World::run(Server::Sqlite, async |world: &World| {
        let timeout = std::time::Duration::from_millis(1234);
        let tenancy = world
            .tenancy()
            .max_connections(CONNECTIONS as u32)
            .sqlite_busy_timeout(timeout)
            .build()
            .unwrap();
        let acme = tenancy.for_tenant(&world.acme).await.unwrap();
        let mut transactions = Vec::new();
        for _ in 0..CONNECTIONS {
            transactions.push(acme.begin().await.unwrap());
        }
        for transaction in &transactions {
            let db = transaction.unscoped_raw();
            assert_eq!(ask(db, "PRAGMA journal_mode").await.unwrap(), "wal");
            assert_eq!(count(db, "PRAGMA foreign_keys").await.unwrap(), 1);
            assert_eq!(count(db, "PRAGMA busy_timeout").await.unwrap(), 1234);
            let shared = "SELECT count(*) FROM shared.genre";
            assert_eq!(count(db, shared).await.unwrap(), 2);
            let attached = "SELECT count(*) FROM pragma_database_list";
            assert_eq!(count(db, attached).await.unwrap(), 2);
        }
        drop(transactions);
        drop(acme);
        tenancy.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_reference_to_nobody_is_refused() {
    World::run(Server::Sqlite, async |world: &World| {
        let acme = world.acme().await;
        let orphan = book::ActiveModel {
            title: Set("Orphan".into()),
            author_id: Set(99),
            ..Default::default()
        };
        let error = orphan.insert(&acme).await.unwrap_err();
        assert!(matches!(
            error.sql_err(),
            Some(SqlErr::ForeignKeyConstraintViolation(_))
        ));
    })
    .await;
}

#[tokio::test]
async fn a_tenants_table_joins_a_shared_one_of_another_file() {
    World::run(Server::Sqlite, async |world: &World| {
        let acme = world.acme().await;
        let verne = add(&acme, "Verne").await.unwrap();
        let book = book::ActiveModel {
            title: Set("Around the World".into()),
            author_id: Set(verne.id),
            genre_id: Set(Some(2)),
            ..Default::default()
        };
        book.insert(&acme).await.unwrap();
        let sql = "SELECT genre.label FROM $tenant.book JOIN genre ON genre.id = book.genre_id";
        assert_eq!(ask(&acme, sql).await.unwrap(), "Travel");
        // The shared file has a table of books too, and it is not the tenant's.
        let shadow = "SELECT count(*) FROM shared.book";
        assert!(count(acme.unscoped_raw(), shadow).await.unwrap() > 1);
        assert_eq!(
            count(&acme, "SELECT count(*) FROM $tenant.book")
                .await
                .unwrap(),
            1
        );
    })
    .await;
}

/// Also where the application asks SQLite to create files.
#[tokio::test]
async fn a_missing_file_is_never_made_by_using_it() {
    World::run(Server::Sqlite, async |world: &World| {
        let directory = world.path().join("elsewhere");
        std::fs::create_dir(&directory).unwrap();
        let url = DatabaseUrl::new(format!("sqlite://{}?mode=rwc", directory.display())).unwrap();
        let store = MemoryStore::new();
        store.add(world.acme.clone(), &url).unwrap();
        let tenancy = Tenancy::builder().store(store).build().unwrap();
        tenancy.for_tenant(&world.acme).await.unwrap_err();
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
        tenancy.create_schema(&world.acme).await.unwrap();
        tenancy.for_tenant(&world.acme).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_missing_file_of_shared_tables_is_not_made_by_attaching_it() {
    World::run(Server::Sqlite, async |world: &World| {
        let missing = world.path().join("missing.sqlite");
        let tenancy = Tenancy::builder()
            .store(world.store.clone())
            .shared_database(DatabaseUrl::sqlite(&missing).unwrap())
            .acquire_timeout(Duration::from_millis(500))
            .build()
            .unwrap();
        tenancy.for_tenant(&world.acme).await.unwrap_err();
        assert!(!missing.exists());
    })
    .await;
}
