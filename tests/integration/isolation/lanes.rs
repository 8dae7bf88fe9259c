//! A tenant keeps to few of a data source's connections, and leaves the others to others.

use std::{collections::HashSet, time::Duration};

use futures_util::{TryStreamExt as _, future::join_all, poll};
use sea_orm::{ConnectionTrait, DbErr, Statement, StreamTrait as _, TransactionTrait as _};
use sea_orm_tenant::{Tenancy, TenantConnection, TenantError};

use super::rows::{add, ask, count, names};
use crate::support::{Server, World, on_every_database};

on_every_database!(
    statements_one_after_the_other_keep_to_one_connection,
    statements_at_once_wait_for_the_tenants_connections,
    a_busy_tenant_leaves_connections_to_others,
    who_waits_is_served_when_a_transaction_ends,
    no_more_than_allowed_may_wait,
    a_connection_that_has_served_enough_tenants_is_replaced,
    an_old_connection_is_replaced,
    an_unused_connection_is_closed_and_opened_again,
    a_connection_on_which_a_statement_was_cut_off_is_used_again_where_that_is_safe,
    a_transaction_that_raw_sql_leaves_open_is_nobody_elses,
);

fn tenancy(world: &World, connections: u32, of_one: usize) -> Tenancy {
    let builder = world.tenancy().max_connections(connections);
    let builder = builder.connections_per_tenant(of_one);
    builder
        .acquire_timeout(Duration::from_millis(500))
        .build()
        .unwrap()
}

/// Of the connection that a statement ran on.
async fn number<C: ConnectionTrait>(db: &TenantConnection<C>) -> String {
    let sql = match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => "SELECT pg_backend_pid()::text WHERE '$tenant' <> ''",
        sea_orm::DbBackend::MySql => {
            "SELECT CAST(connection_id() AS CHAR) FROM (SELECT '$tenant') AS one"
        }
        // Its connections have no numbers.
        _ => return String::new(),
    };
    ask(db, sql).await.unwrap()
}

async fn a_transaction_that_raw_sql_leaves_open_is_nobody_elses(world: &World) {
    let tenancy = tenancy(world, 1, 1);
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let globex = tenancy.for_tenant(&world.globex).await.unwrap();
    let begin = match world.server {
        Server::MySql => "START TRANSACTION",
        _ => "BEGIN",
    };
    // On one that fails in it, and on one that does not.
    let texts = [begin.to_owned(), format!("{begin}; SELECT no_such_thing")];
    for (sql, name) in texts.into_iter().zip(["Verne", "Wells"]) {
        let raw = globex.unscoped_raw();
        let begun = raw.execute_unprepared(&sql).await;
        assert_eq!(begun.is_ok(), sql == begin, "{begun:?}");
        add(&acme, name).await.unwrap();
        // Whoever had it would have lost it by now.
        let raw = globex.unscoped_raw();
        let statement = Statement::from_string(globex.get_database_backend(), begin);
        // Not all servers prepare it.
        let _ = raw.execute_raw(statement).await;
        // Given up half way, too: before the server can have answered.
        let slow = match world.server {
            Server::Postgres => "SELECT pg_sleep(0.3)",
            Server::MySql => "SELECT SLEEP(0.3)",
            Server::Sqlite => {
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000000) \
                 SELECT count(*) FROM n"
            }
        };
        let script = format!("{begin}; {slow}");
        let mut cut = Box::pin(raw.execute_unprepared(&script));
        assert!(poll!(cut.as_mut()).is_pending());
        drop(cut);
        let written = names(&acme).await.unwrap();
        assert_eq!(written.last().map(String::as_str), Some(name));
    }
    assert_eq!(names(&acme).await.unwrap().len(), 2);
    tenancy.close().await;
}

async fn statements_one_after_the_other_keep_to_one_connection(world: &World) {
    let tenancy = tenancy(world, 8, 8);
    let mut numbers = HashSet::new();
    for _ in 0..20 {
        let acme = tenancy.for_tenant(&world.acme).await.unwrap();
        numbers.insert(number(&acme).await);
    }
    assert_eq!(numbers.len(), 1);
    let [source] = &tenancy.data_sources()[..] else {
        panic!("one data source");
    };
    assert_eq!((source.open, source.busy, source.spilled), (1, 0, 0));
    tenancy.close().await;
}

async fn statements_at_once_wait_for_the_tenants_connections(world: &World) {
    let tenancy = world.tenancy().max_connections(8);
    let tenancy = tenancy.connections_per_tenant(2).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    // A file is the tenant's alone.
    let allowed = match world.server {
        Server::Sqlite => 8,
        _ => 2,
    };
    let held: Vec<_> = join_all((0..allowed).map(|_| acme.begin())).await;
    let statements = join_all((0..50).map(|_| names(&acme)));
    let release = async {
        while tenancy.data_sources()[0].waiting < 50 {
            tokio::task::yield_now().await;
        }
        drop(held);
    };
    let (statements, ()) = tokio::join!(statements, release);
    for names in statements {
        assert!(names.unwrap().is_empty());
    }
    let [source] = &tenancy.data_sources()[..] else {
        panic!("one data source");
    };
    assert_eq!((source.waited, source.timed_out), (50, 0));
    assert_eq!((source.busy, source.waiting), (0, 0));
    tenancy.close().await;
}

async fn a_busy_tenant_leaves_connections_to_others(world: &World) {
    let tenancy = tenancy(world, 4, 2);
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    if world.server == Server::Sqlite {
        // Its file is its own: it may use every connection to it.
        let held = join_all((0..4).map(|_| acme.begin())).await;
        assert!(held.iter().all(Result::is_ok));
        drop(held);
        return tenancy.close().await;
    }
    let held = [acme.begin().await.unwrap(), acme.begin().await.unwrap()];
    let refused = TenantError::from(names(&acme).await.unwrap_err());
    assert!(
        matches!(
            refused,
            TenantError::ConnectionsBusy {
                connections: 2,
                of: 4,
                ..
            }
        ),
        "{refused}"
    );
    assert!(refused.is_connection_failure());
    let globex = tenancy.for_tenant(&world.globex).await.unwrap();
    let others = [globex.begin().await.unwrap(), globex.begin().await.unwrap()];
    for transaction in held.into_iter().chain(others) {
        transaction.rollback().await.unwrap();
    }
    assert!(names(&acme).await.unwrap().is_empty());
    tenancy.close().await;
}

async fn who_waits_is_served_when_a_transaction_ends(world: &World) {
    let builder = world.tenancy().max_connections(1);
    let tenancy = builder.build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "Verne").await.unwrap();
    let mut waiting = Box::pin(names(&acme));
    let mut given_up = Box::pin(names(&acme));
    assert!(poll!(waiting.as_mut()).is_pending());
    assert!(poll!(given_up.as_mut()).is_pending());
    assert_eq!(tenancy.data_sources()[0].waiting, 2);
    drop(given_up);
    assert_eq!(tenancy.data_sources()[0].waiting, 1);
    transaction.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap(), ["Verne"]);
    tenancy.close().await;
}

async fn no_more_than_allowed_may_wait(world: &World) {
    let builder = world.tenancy().max_connections(1);
    let tenancy = builder.max_waiting_per_tenant(1).build().unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let transaction = acme.begin().await.unwrap();
    let mut waiting = Box::pin(names(&acme));
    assert!(poll!(waiting.as_mut()).is_pending());
    let refused = TenantError::from(names(&acme).await.unwrap_err());
    assert!(
        matches!(
            refused,
            TenantError::ConnectionsBusy {
                waited: Duration::ZERO,
                ..
            }
        ),
        "{refused}"
    );
    transaction.rollback().await.unwrap();
    assert!(waiting.await.unwrap().is_empty());
    tenancy.close().await;
}

async fn a_connection_that_has_served_enough_tenants_is_replaced(world: &World) {
    if world.server == Server::Sqlite {
        return; // A tenant's file has no other tenants.
    }
    let builder = world.tenancy().max_connections(1);
    let tenancy = builder.tenants_per_connection(1).build().unwrap();
    let mut numbers = Vec::new();
    for tenant in [&world.acme, &world.acme, &world.globex, &world.acme] {
        let db = tenancy.for_tenant(tenant).await.unwrap();
        numbers.push(number(&db).await);
    }
    assert_eq!(numbers[0], numbers[1]);
    assert_ne!(numbers[1], numbers[2]);
    assert_ne!(numbers[2], numbers[3]);
    assert_eq!(tenancy.data_sources()[0].opened, 2);
    tenancy.close().await;
}

async fn an_old_connection_is_replaced(world: &World) {
    let builder = world.tenancy().max_connections(1);
    let tenancy = builder.max_lifetime(Duration::ZERO).build().unwrap();
    for _ in 0..3 {
        let acme = tenancy.for_tenant(&world.acme).await.unwrap();
        assert!(names(&acme).await.unwrap().is_empty());
    }
    assert_eq!(tenancy.data_sources()[0].opened, 3);
    tenancy.close().await;
}

async fn a_connection_on_which_a_statement_was_cut_off_is_used_again_where_that_is_safe(
    world: &World,
) {
    let function = match world.server {
        Server::Postgres => "pg_sleep(0.1)",
        Server::MySql => "SLEEP(0.1)",
        // Its connections cannot be told apart.
        _ => return,
    };
    let tenancy = tenancy(world, 1, 1);
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let before = number(&acme).await;
    let sql = format!("SELECT {function} FROM (SELECT '$tenant') AS one");
    let mut statement = Box::pin(acme.execute_unprepared(&sql));
    assert!(poll!(statement.as_mut()).is_pending());
    drop(statement);
    let is_another = number(&acme).await != before;
    assert_eq!(is_another, world.server == Server::MySql);
    // Nor is one in whose transaction it was.
    let transaction = acme.begin().await.unwrap();
    let before = number(&transaction).await;
    let mut statement = Box::pin(transaction.execute_unprepared(&sql));
    assert!(poll!(statement.as_mut()).is_pending());
    drop(statement);
    drop(transaction);
    let is_another = number(&acme).await != before;
    assert_eq!(is_another, world.server == Server::MySql);
    tenancy.close().await;
}

async fn an_unused_connection_is_closed_and_opened_again(world: &World) {
    let builder = world.tenancy().max_connections(2);
    let tenancy = builder
        .idle_timeout(Duration::from_millis(20))
        .build()
        .unwrap();
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    add(&acme, "Verne").await.unwrap();
    while tenancy.data_sources()[0].open > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(names(&acme).await.unwrap(), ["Verne"]);
    tenancy.close().await;
}

/// PostgreSQL's: other servers prepare again by themselves.
mod prepared {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_changed_table_is_read_again_without_the_caller_noticing() {
        World::run(Server::Postgres, async |world| {
            let tenancy = tenancy(world, 1, 1);
            let acme = tenancy.for_tenant(&world.acme).await.unwrap();
            assert_eq!(columns(&acme).await.unwrap(), 3);
            change(world, "ADD COLUMN one integer").await;
            assert_eq!(columns(&acme).await.unwrap(), 4);
            change(world, "ADD COLUMN two integer").await;
            let rows = acme.stream_raw(everything()).await.unwrap();
            let rows: Vec<_> = rows.try_collect().await.unwrap();
            assert_eq!(rows[0].column_names().len(), 5);
            assert_eq!(tenancy.data_sources()[0].opened, 2);
            tenancy.close().await;
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_transaction_fails_on_a_changed_table_and_the_next_does_not() {
        World::run(Server::Postgres, async |world| {
            let tenancy = tenancy(world, 1, 1);
            let acme = tenancy.for_tenant(&world.acme).await.unwrap();
            for (round, column) in ["one", "two"].into_iter().enumerate() {
                assert_eq!(columns(&acme).await.unwrap(), 3 + round);
                change(world, &format!("ADD COLUMN {column} integer")).await;
                let transaction = acme.begin().await.unwrap();
                let failed = match round {
                    0 => transaction.query_all_raw(everything()).await.map(drop),
                    _ => {
                        let rows = transaction.stream_raw(everything()).await.unwrap();
                        rows.try_collect::<Vec<_>>().await.map(drop)
                    }
                };
                let failed = failed.unwrap_err().to_string();
                assert!(failed.contains("cached plan"), "{failed}");
                drop(transaction);
                let transaction = acme.begin().await.unwrap();
                let rows = transaction.query_all_raw(everything()).await.unwrap();
                assert_eq!(rows[0].column_names().len(), 4 + round);
                transaction.commit().await.unwrap();
            }
            tenancy.close().await;
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_statements_are_kept_than_the_budget_allows() {
        World::run(Server::Postgres, async |world| {
            let builder = world.tenancy().max_connections(1);
            let tenancy = builder.prepared_statements(5).build().unwrap();
            let acme = tenancy.for_tenant(&world.acme).await.unwrap();
            for number in 0..20 {
                let sql = format!("SELECT {number}::bigint WHERE '$tenant' <> ''");
                assert_eq!(count(&acme, &sql).await.unwrap(), number);
            }
            let kept = "SELECT count(*) FROM pg_prepared_statements WHERE '$tenant' <> ''";
            // The question is prepared, too.
            assert_eq!(count(&acme, kept).await.unwrap(), 5);
            tenancy.close().await;
        })
        .await;
    }

    /// By one tenant, on a connection that another one has prepared its statements on.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_throws_away_what_is_prepared_harms_nobody() {
        World::run(Server::Postgres, async |world| {
            let tenancy = tenancy(world, 1, 1);
            let acme = tenancy.for_tenant(&world.acme).await.unwrap();
            let globex = tenancy.for_tenant(&world.globex).await.unwrap();
            add(&acme, "Verne").await.unwrap();
            for script in ["DISCARD ALL", "DEALLOCATE ALL"] {
                assert_eq!(names(&acme).await.unwrap(), ["Verne"]);
                let raw = globex.unscoped_raw();
                raw.execute_unprepared(script).await.unwrap();
                assert_eq!(names(&acme).await.unwrap(), ["Verne"], "{script}");
                // Inside a transaction it fails, and when that has ended, it is well again.
                let transaction = acme.begin().await.unwrap();
                names(&transaction).await.unwrap();
                let raw = transaction.unscoped_raw();
                raw.execute_unprepared("DEALLOCATE ALL").await.unwrap();
                names(&transaction).await.unwrap_err();
                drop(transaction);
                assert_eq!(names(&acme).await.unwrap(), ["Verne"], "{script}");
            }
            tenancy.close().await;
        })
        .await;
    }

    /// Some of it is done already.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_script_that_fails_is_not_run_again() {
        World::run(Server::Postgres, async |world| {
            let tenancy = tenancy(world, 1, 1);
            let acme = tenancy.for_tenant(&world.acme).await.unwrap();
            let script = "BEGIN; INSERT INTO $tenant.author (name) VALUES ('Verne'); COMMIT; EXECUTE no_such";
            acme.execute_unprepared(script).await.unwrap_err();
            let script = "INSERT INTO $tenant.author (name) VALUES ('Wells'); EXECUTE no_such";
            acme.execute_unprepared(script).await.unwrap_err();
            assert_eq!(names(&acme).await.unwrap(), ["Verne"]);
            tenancy.close().await;
        })
        .await;
    }

    fn everything() -> Statement {
        Statement::from_string(sea_orm::DbBackend::Postgres, "SELECT * FROM $tenant.author")
    }

    async fn columns(db: &TenantConnection) -> Result<usize, DbErr> {
        if names(db).await?.is_empty() {
            add(db, "Verne").await?;
        }
        let rows = db.query_all_raw(everything()).await?;
        Ok(rows[0].column_names().len())
    }

    /// On another connection, as a migration does.
    async fn change(world: &World, what: &str) {
        let sql = format!("ALTER TABLE $tenant.author {what}");
        let acme = world.acme().await;
        acme.execute_unprepared(&sql).await.unwrap();
    }
}
