//! A transaction of a tenant's connection is the tenant's, and so is one inside it.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use sea_orm::{
    AccessMode, ActiveModelTrait as _, ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait as _,
    IsolationLevel, PaginatorTrait as _, SqliteTransactionMode, TransactionError,
    TransactionOptions, TransactionTrait as _,
};

use super::inside::inside_acme;
use crate::support::{Server, World, entities::author, on_every_database};

on_every_database!(
    commits,
    rolls_back,
    rolls_back_when_dropped,
    savepoints_commit_and_roll_back,
    a_callback_commits_or_rolls_back,
    an_async_callback_commits_or_rolls_back,
    callbacks_nest,
    a_panicking_callback_leaves_nothing_behind,
    isolation_level_survives,
    access_mode_survives,
    options_survive,
    runs_in_a_tenancys_connection_too,
);

async fn add(db: &impl ConnectionTrait, name: &str) {
    let author = author::ActiveModel {
        name: Set(name.into()),
        ..Default::default()
    };
    author.insert(db).await.unwrap();
}

async fn count(db: &impl ConnectionTrait) -> u64 {
    author::Entity::find().count(db).await.unwrap()
}

async fn commits(world: &World) {
    inside_acme(world, async |db| {
        let transaction = db.begin().await.unwrap();
        assert_eq!(transaction.tenant(), &world.acme);
        add(&transaction, "Poe").await;
        assert_eq!((count(&transaction).await, count(db).await), (4, 3));
        transaction.commit().await.unwrap();
        assert_eq!(count(db).await, 4);
    })
    .await;
}

async fn rolls_back(world: &World) {
    inside_acme(world, async |db| {
        let transaction = db.begin().await.unwrap();
        add(&transaction, "Poe").await;
        let deleted = author::Entity::delete_by_id(3).exec(&transaction).await;
        assert_eq!(deleted.unwrap().rows_affected, 1);
        transaction.rollback().await.unwrap();
        assert_eq!(count(db).await, 3);
    })
    .await;
}

async fn rolls_back_when_dropped(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    inside_acme(world, async |db| {
        let transaction = acme.begin().await.unwrap();
        add(&transaction, "Poe").await;
        drop(transaction);
        // The only connection of its pool, so this waits for the rollback.
        assert_eq!(count(&acme).await, 3);
        assert_eq!(count(db).await, 3);
    })
    .await;
}

async fn savepoints_commit_and_roll_back(world: &World) {
    inside_acme(world, async |db| {
        let outer = db.begin().await.unwrap();
        add(&outer, "Poe").await;

        let inner = outer.begin().await.unwrap();
        add(&inner, "Doyle").await;
        let innermost = inner.begin().await.unwrap();
        add(&innermost, "Shelley").await;
        assert_eq!(count(&innermost).await, 6);
        innermost.rollback().await.unwrap();
        assert_eq!(count(&inner).await, 5);
        inner.commit().await.unwrap();

        let dropped = outer.begin().await.unwrap();
        add(&dropped, "Stoker").await;
        drop(dropped);
        assert_eq!(count(&outer).await, 5);
        outer.commit().await.unwrap();
        assert_eq!(count(db).await, 5);
    })
    .await;
}

async fn a_callback_commits_or_rolls_back(world: &World) {
    inside_acme(world, async |db| {
        let name = "Poe".to_owned();
        let kept = db.transaction::<_, _, DbErr>(|transaction| {
            Box::pin(async move {
                add(transaction, &name).await;
                Ok(count(transaction).await)
            })
        });
        assert_eq!(kept.await.unwrap(), 4);
        let given_up = db.transaction_with_config::<_, (), _>(
            |transaction| {
                Box::pin(async move {
                    add(transaction, "Doyle").await;
                    Err(DbErr::Custom("no".into()))
                })
            },
            None,
            None,
        );
        let error = given_up.await.unwrap_err();
        assert!(matches!(
            error,
            TransactionError::Transaction(DbErr::Custom(_))
        ));
        assert_eq!(count(db).await, 4);
    })
    .await;
}

async fn an_async_callback_commits_or_rolls_back(world: &World) {
    inside_acme(world, async |db| {
        let names = ["Poe".to_owned(), "Doyle".to_owned()];
        let kept = db.transaction_async::<_, _, DbErr>(async |transaction| {
            for name in &names {
                add(transaction, name).await;
            }
            Ok(())
        });
        kept.await.unwrap();
        let given_up = db.transaction_with_config_async::<_, (), _>(
            async |transaction| {
                add(transaction, "Shelley").await;
                Err(DbErr::Custom("no".into()))
            },
            Some(IsolationLevel::Serializable),
            None,
        );
        given_up.await.unwrap_err();
        assert_eq!(count(db).await, 5);
    })
    .await;
}

async fn callbacks_nest(world: &World) {
    inside_acme(world, async |db| {
        let outcome = db.transaction_async::<_, _, TransactionError<DbErr>>(async |outer| {
            add(outer, "Poe").await;
            let inner = outer.transaction_async::<_, (), _>(async |inner| {
                add(inner, "Doyle").await;
                Err(DbErr::Custom("no".into()))
            });
            inner.await.unwrap_err();
            outer
                .transaction::<_, _, DbErr>(|inner| {
                    Box::pin(async move {
                        add(inner, "Shelley").await;
                        Ok(())
                    })
                })
                .await
        });
        outcome.await.unwrap();
        assert_eq!(count(db).await, 5);
        assert!(
            author::Entity::find_by_name("Doyle")
                .one(db)
                .await
                .unwrap()
                .is_none()
        );
    })
    .await;
}

async fn a_panicking_callback_leaves_nothing_behind(world: &World) {
    let (acme, _) = world.recorded(&world.acme, 1).await;
    inside_acme(world, async |db| {
        let panicking = acme.transaction_async::<_, (), DbErr>(async |transaction| {
            add(transaction, "Poe").await;
            panic!("in the callback");
        });
        AssertUnwindSafe(panicking)
            .catch_unwind()
            .await
            .unwrap_err();
        assert_eq!(count(&acme).await, 3);
        let panicking = acme.transaction::<_, (), DbErr>(|transaction| {
            Box::pin(async move {
                add(transaction, "Poe").await;
                panic!("in the callback");
            })
        });
        AssertUnwindSafe(panicking)
            .catch_unwind()
            .await
            .unwrap_err();
        assert_eq!((count(&acme).await, count(db).await), (3, 3));
    })
    .await;
}

async fn isolation_level_survives(world: &World) {
    inside_acme(world, async |db| {
        let writer = db.begin().await.unwrap();
        add(&writer, "Poe").await;
        let level = Some(IsolationLevel::ReadUncommitted);
        let seen = db
            .transaction_with_config_async::<_, _, DbErr>(
                async |transaction| {
                    if world.server == Server::Postgres {
                        let show = "SHOW transaction_isolation";
                        let show = sea_orm::Statement::from_string(world.server.backend(), show);
                        let row = transaction.unscoped_raw().query_one_raw(show).await?;
                        let level: String = row.unwrap().try_get_by_index(0)?;
                        assert_eq!(level, "read uncommitted");
                    }
                    Ok(count(transaction).await)
                },
                level,
                None,
            )
            .await
            .unwrap();
        // MySQL shows what is not committed; PostgreSQL never does, SQLite has no such level.
        assert_eq!(seen, if world.server == Server::MySql { 4 } else { 3 });
        writer.rollback().await.unwrap();

        let plain = db.begin().await.unwrap();
        assert_eq!(count(&plain).await, 3);
        plain.commit().await.unwrap();
    })
    .await;
}

async fn access_mode_survives(world: &World) {
    inside_acme(world, async |db| {
        let read_only = Some(AccessMode::ReadOnly);
        let transaction = db.begin_with_config(None, read_only).await.unwrap();
        assert_eq!(count(&transaction).await, 3);
        let delete = author::Entity::delete_by_id(3).exec(&transaction).await;
        // SeaORM has no read-only transactions on SQLite.
        assert_eq!(delete.is_err(), world.server != Server::Sqlite);
        transaction.rollback().await.unwrap();
        let in_callback = db.transaction_with_config::<_, _, DbErr>(
            |transaction| {
                Box::pin(async move {
                    author::Entity::delete_by_id(3).exec(transaction).await?;
                    Err::<(), _>(DbErr::Custom("written".into()))
                })
            },
            Some(IsolationLevel::RepeatableRead),
            read_only,
        );
        let error = in_callback.await.unwrap_err().to_string();
        assert_eq!(error.contains("written"), world.server == Server::Sqlite);
    })
    .await;
}

async fn options_survive(world: &World) {
    inside_acme(world, async |db| {
        let options = TransactionOptions {
            access_mode: Some(AccessMode::ReadOnly),
            ..Default::default()
        };
        let transaction = db.begin_with_options(options).await.unwrap();
        let delete = author::Entity::delete_by_id(3).exec(&transaction).await;
        assert_eq!(delete.is_err(), world.server != Server::Sqlite);
        transaction.rollback().await.unwrap();

        let immediate = || TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        let transaction = db.begin_with_options(immediate()).await.unwrap();
        assert_eq!(transaction.tenant(), &world.acme);
        if world.server == Server::Sqlite {
            // It holds the file's write lock from the beginning.
            let (other, _) = world.recorded(&world.acme, 1).await;
            let no_waiting = "PRAGMA busy_timeout = 0";
            let plain = other.unscoped_raw();
            plain.execute_unprepared(no_waiting).await.unwrap();
            let locked = author::Entity::delete_by_id(3).exec(&other).await;
            assert!(locked.unwrap_err().to_string().contains("locked"));
        }
        let nested = transaction.begin_with_options(immediate()).await.unwrap();
        add(&nested, "Poe").await;
        nested.commit().await.unwrap();
        transaction.commit().await.unwrap();
        assert_eq!(count(db).await, 4);
    })
    .await;
}

async fn runs_in_a_tenancys_connection_too(world: &World) {
    let acme = world.acme().await;
    inside_acme(world, async |db| {
        let outer = acme.begin().await.unwrap();
        add(&outer, "Poe").await;
        let inner = outer.begin().await.unwrap();
        add(&inner, "Doyle").await;
        inner.rollback().await.unwrap();
        outer.commit().await.unwrap();
        let given_up = acme.transaction_async::<_, (), _>(async |transaction| {
            add(transaction, "Shelley").await;
            Err(DbErr::Custom("no".into()))
        });
        given_up.await.unwrap_err();
        assert_eq!((count(&acme).await, count(db).await), (4, 4));
    })
    .await;
}
