//! Transactions of a tenant connection are what SeaORM's are.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseTransaction, DbErr, IsolationLevel, SqliteTransactionMode,
    TransactionError, TransactionOptions, TransactionSession, TransactionTrait,
};
use sea_orm_tenant::TenantConnection;

use super::rows::{add, ask, names};
use crate::support::{Server, World, on_every_database};

type Transaction = TenantConnection<DatabaseTransaction>;

on_every_database!(
    an_isolation_level_and_access_mode_survive,
    a_savepoint_rolls_back_alone,
    savepoints_nest_and_end_in_any_way,
    an_error_in_a_callback_rolls_back,
    an_error_in_a_nested_callback_rolls_back_that_one,
    a_panic_in_a_callback_rolls_back,
    a_dropped_transaction_rolls_back,
    a_dropped_savepoint_rolls_back_alone,
    commit_and_rollback_are_inherent_and_of_the_trait,
);

/// By each way to begin a transaction with settings.
async fn an_isolation_level_and_access_mode_survive(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let level = Some(IsolationLevel::Serializable);
    let mode = Some(AccessMode::ReadOnly);

    let transaction = acme.begin_with_config(level, mode).await.unwrap();
    assert_settings(world.server, &transaction).await;
    transaction.rollback().await.unwrap();

    let options = TransactionOptions {
        isolation_level: level,
        access_mode: mode,
        ..Default::default()
    };
    let transaction = acme.begin_with_options(options).await.unwrap();
    assert_settings(world.server, &transaction).await;
    transaction.rollback().await.unwrap();

    let server = world.server;
    let settings = acme.transaction_with_config::<_, _, DbErr>(
        |transaction| {
            Box::pin(async move {
                assert_settings(server, transaction).await;
                Ok(())
            })
        },
        level,
        mode,
    );
    // PostgreSQL has failed the transaction by then, and rolls back what it is asked to commit.
    let _ = settings.await;
    let settings = acme.transaction_with_config_async::<_, _, DbErr>(
        async |transaction| {
            assert_settings(server, transaction).await;
            Ok(())
        },
        level,
        mode,
    );
    let _ = settings.await;

    // Nothing of it is left for the next one on the only connection.
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "Verne").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["Verne"]);
}

async fn assert_settings(server: Server, transaction: &Transaction) {
    match server {
        Server::Postgres => {
            let raw = transaction.unscoped_raw();
            let level = ask(raw, "SHOW transaction_isolation").await.unwrap();
            assert_eq!(level, "serializable");
            let mode = ask(raw, "SHOW transaction_read_only").await.unwrap();
            assert_eq!(mode, "on");
        }
        // A server variable tells the session's, not the transaction's.
        Server::MySql => {
            let sql = "SELECT trx_isolation_level FROM information_schema.innodb_trx \
                       WHERE trx_mysql_thread_id = CONNECTION_ID()";
            names(transaction).await.unwrap();
            let level = ask(transaction.unscoped_raw(), sql).await.unwrap();
            assert_eq!(level, "SERIALIZABLE");
        }
        // It has one of each.
        Server::Sqlite => return,
    }
    let refused = add(transaction, "written").await.unwrap_err().to_string();
    let refused = refused.to_lowercase();
    assert!(
        refused.contains("read-only") || refused.contains("read only"),
        "{refused}"
    );
}

/// SQLite begins late by itself: its third way is to take the write lock at once.
#[tokio::test]
async fn a_transaction_mode_of_sqlite_survives() {
    World::run(Server::Sqlite, async |world: &World| {
        let tenancy = world.tenancy();
        let impatient = tenancy.sqlite_busy_timeout(std::time::Duration::ZERO);
        let tenancy = impatient.build().unwrap();
        let acme = tenancy.for_tenant(&world.acme).await.unwrap();
        let options = |mode| TransactionOptions {
            sqlite_transaction_mode: Some(mode),
            ..Default::default()
        };
        let deferred = options(SqliteTransactionMode::Deferred);
        let idle = acme.begin_with_options(deferred).await.unwrap();
        add(&acme, "beside a deferred one").await.unwrap();
        idle.rollback().await.unwrap();

        let immediate = options(SqliteTransactionMode::Immediate);
        let locked = acme.begin_with_options(immediate).await.unwrap();
        let error = add(&acme, "beside an immediate one").await.unwrap_err();
        assert!(error.to_string().contains("locked"), "{error}");
        locked.rollback().await.unwrap();
        add(&acme, "after it").await.unwrap();
        tenancy.close().await;
    })
    .await;
}

async fn a_savepoint_rolls_back_alone(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "before").await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    add(&savepoint, "given up").await.unwrap();
    savepoint.rollback().await.unwrap();
    add(&transaction, "after").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["before", "after"]);
}

async fn savepoints_nest_and_end_in_any_way(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let one = acme.begin().await.unwrap();
    add(&one, "1").await.unwrap();
    let two = one.begin().await.unwrap();
    add(&two, "2").await.unwrap();
    let three = two.begin().await.unwrap();
    add(&three, "3").await.unwrap();
    let four = three.begin().await.unwrap();
    add(&four, "4").await.unwrap();
    drop(four);
    three.commit().await.unwrap();
    let three = two.begin().await.unwrap();
    add(&three, "3 again").await.unwrap();
    three.rollback().await.unwrap();
    two.commit().await.unwrap();
    one.commit().await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["1", "2", "3"]);
}

async fn an_error_in_a_callback_rolls_back(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let refused = || DbErr::Custom("changed my mind".into());
    let outcome = acme.transaction::<_, (), DbErr>(|transaction| {
        Box::pin(async move {
            add(transaction, "given up").await?;
            Err(refused())
        })
    });
    let Err(TransactionError::Transaction(error)) = outcome.await else {
        panic!("it was committed");
    };
    assert_eq!(error, refused());
    let outcome = acme.transaction_async::<_, (), DbErr>(async |transaction| {
        add(transaction, "given up").await?;
        Err(refused())
    });
    let Err(TransactionError::Transaction(error)) = outcome.await else {
        panic!("it was committed");
    };
    assert_eq!(error, refused());
    assert!(names(&acme).await.unwrap().is_empty());
    let committed = acme.transaction_async::<_, _, DbErr>(async |transaction| {
        add(transaction, "kept").await?;
        Ok(7)
    });
    assert_eq!(committed.await.unwrap(), 7);
    assert_eq!(names(&acme).await.unwrap(), ["kept"]);
}

async fn an_error_in_a_nested_callback_rolls_back_that_one(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let outcome = acme.transaction_async::<_, (), DbErr>(async |transaction| {
        add(transaction, "kept").await?;
        let nested = transaction.transaction::<_, (), DbErr>(|savepoint| {
            Box::pin(async move {
                add(savepoint, "given up").await?;
                // It fails at the server, which makes it worse.
                add(savepoint, "given up").await?;
                Ok(())
            })
        });
        nested.await.unwrap_err();
        Ok(())
    });
    outcome.await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["kept"]);
}

async fn a_panic_in_a_callback_rolls_back(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let panicking = acme.transaction::<_, (), DbErr>(|transaction| {
        Box::pin(async move {
            add(transaction, "given up").await?;
            panic!("planned")
        })
    });
    AssertUnwindSafe(panicking)
        .catch_unwind()
        .await
        .unwrap_err();
    let panicking = acme.transaction_async::<_, (), DbErr>(async |transaction| {
        let savepoint = transaction.begin().await?;
        add(&savepoint, "given up").await?;
        panic!("planned")
    });
    AssertUnwindSafe(panicking)
        .catch_unwind()
        .await
        .unwrap_err();
    assert_clean(&acme).await;
}

async fn a_dropped_transaction_rolls_back(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "given up").await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    add(&savepoint, "given up too").await.unwrap();
    drop(savepoint);
    drop(transaction);
    assert_clean(&acme).await;
}

async fn a_dropped_savepoint_rolls_back_alone(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "before").await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    add(&savepoint, "given up").await.unwrap();
    drop(savepoint);
    add(&transaction, "after").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["before", "after"]);
}

async fn commit_and_rollback_are_inherent_and_of_the_trait(world: &World) {
    async fn end<T: TransactionSession>(transaction: T, commit: bool) -> Result<(), DbErr> {
        match commit {
            true => transaction.commit().await,
            false => transaction.rollback().await,
        }
    }
    let (acme, _) = world.recorded(&world.acme, 1).await;
    for (name, commit) in [("kept by the trait", true), ("given up", false)] {
        let transaction = acme.begin().await.unwrap();
        add(&transaction, name).await.unwrap();
        end(transaction, commit).await.unwrap();
    }
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "kept").await.unwrap();
    Transaction::commit(transaction).await.unwrap();
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "given up").await.unwrap();
    Transaction::rollback(transaction).await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["kept by the trait", "kept"]);
}

/// The only connection of the pool is outside of every transaction: what it writes now is there
/// for others at once.
async fn assert_clean<C: ConnectionTrait + TransactionTrait>(db: &C) {
    assert!(names(db).await.unwrap().is_empty());
    add(db, "afterwards").await.unwrap();
    let transaction = db.begin().await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(names(db).await.unwrap(), ["afterwards"]);
}
