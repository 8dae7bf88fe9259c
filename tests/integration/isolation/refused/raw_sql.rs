//! Raw SQL on a tenant connection that does not say which tenant it means.

use sea_orm::{ConnectionTrait, DatabaseBackend, Statement, StreamTrait, TransactionTrait as _};

use sea_orm_tenant::TenantError;

use super::super::rows::{add, count};
use crate::support::{Server, World, on_every_database};

const REFUSED: &str = "raw SQL was refused on a tenant connection: it does not name `$tenant`. \
    Qualify its tables with `$tenant.`, or call `unscoped_raw()` if it is meant to run outside \
    the tenant";

on_every_database!(
    raw_sql_without_the_placeholder_is_refused_on_a_connection,
    raw_sql_without_the_placeholder_is_refused_in_a_transaction,
    a_placeholder_in_a_literal_or_comment_does_not_count,
    raw_sql_with_the_placeholder_runs_in_the_tenant,
    unscoped_raw_runs_any_sql,
);

async fn raw_sql_without_the_placeholder_is_refused_on_a_connection(world: &World) {
    let (acme, recording) = world.recorded(&world.acme, 1).await;
    assert_refused(&acme, "SELECT count(*) FROM author").await;
    assert_eq!(recording.take(), [""; 0]);
}

async fn raw_sql_without_the_placeholder_is_refused_in_a_transaction(world: &World) {
    let (acme, recording) = world.recorded(&world.acme, 1).await;
    let transaction = acme.begin().await.unwrap();
    let nested = transaction.begin().await.unwrap();
    recording.take();
    assert_refused(&nested, "DELETE FROM author").await;
    nested.rollback().await.unwrap();
    assert_refused(&transaction, "DELETE FROM author").await;
    assert_eq!(recording.take(), [""; 0]);
    // Refusing is no failed statement: the transaction goes on.
    add(&transaction, "Verne").await.unwrap();
    transaction.commit().await.unwrap();
}

async fn a_placeholder_in_a_literal_or_comment_does_not_count(world: &World) {
    let (acme, recording) = world.recorded(&world.acme, 1).await;
    let mut hidden = vec![
        "SELECT count(*) FROM author WHERE name = 'of $tenant.author'",
        "SELECT count(*) FROM author -- of $tenant.author",
        "/* $tenant.author */ DELETE FROM author",
        "SELECT count(*) FROM author WHERE name = 'it''s $tenant.author'",
        "SELECT count(*) AS a$tenant FROM author",
    ];
    match world.server {
        Server::Postgres => hidden.extend([
            "SELECT count(*) FROM author WHERE name = $$ $tenant.author $$",
            "SELECT count(*) FROM author WHERE name = E'\\' $tenant.author'",
            "DO $body$ BEGIN DELETE FROM author; -- $tenant.author\n END $body$",
            "SELECT /* /* */ $tenant.author */ count(*) FROM author",
        ]),
        Server::MySql => hidden.extend([
            "SELECT count(*) FROM author # $tenant.author",
            "SELECT count(*) FROM author WHERE name = 'a\\' $tenant.author'",
            "SELECT count(*) FROM author WHERE name = \"of $tenant.author\"",
        ]),
        Server::Sqlite => hidden.push("SELECT count(*) AS [$tenant.author] FROM author"),
    }
    for sql in hidden {
        assert_refused(&acme, sql).await;
    }
    assert_eq!(recording.take(), [""; 0]);
}

async fn raw_sql_with_the_placeholder_runs_in_the_tenant(world: &World) {
    let (acme, globex) = (world.acme().await, world.globex().await);
    add(&acme, "Verne").await.unwrap();
    let insert = "INSERT INTO $tenant.author (name) VALUES ('Wells')";
    acme.execute_unprepared(insert).await.unwrap();
    let select = "SELECT count(*) FROM $tenant.author";
    assert_eq!(count(&acme, select).await.unwrap(), 2);
    assert_eq!(count(&globex, select).await.unwrap(), 0);
}

async fn unscoped_raw_runs_any_sql(world: &World) {
    let acme = world.acme().await;
    let genres = "SELECT count(*) FROM genre";
    assert_eq!(count(acme.unscoped_raw(), genres).await.unwrap(), 2);
    let transaction = acme.begin().await.unwrap();
    assert_eq!(count(transaction.unscoped_raw(), genres).await.unwrap(), 2);
}

/// By each of the five ways to run raw SQL.
async fn assert_refused<C: ConnectionTrait + StreamTrait>(db: &C, sql: &str) {
    let backend: DatabaseBackend = ConnectionTrait::get_database_backend(db);
    let raw = || Statement::from_string(backend, sql);
    let answers = [
        db.execute_raw(raw()).await.err(),
        db.execute_unprepared(sql).await.err(),
        db.query_one_raw(raw()).await.err(),
        db.query_all_raw(raw()).await.err(),
        db.stream_raw(raw()).await.err(),
    ];
    for answer in answers {
        let answer = TenantError::from(answer.unwrap());
        assert!(matches!(answer, TenantError::UnscopedSql), "{sql}");
        assert_eq!(answer.to_string(), REFUSED);
    }
}
