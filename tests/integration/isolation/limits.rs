//! What a tenant may use, by its plan.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Statement, StreamTrait as _, TransactionTrait as _,
};
use sea_orm_tenant::{Tenancy, TenantError, TenantInfo, TenantLimits, TenantStore as _};

use super::rows::names;
use crate::support::{Server, World, on_every_database};

on_every_database!(
    a_plan_says_how_many_connections_a_tenant_may_use,
    a_statement_that_takes_too_long_is_given_up,
    a_limit_is_not_left_behind_for_others,
    a_limit_holds_on_a_connection_that_took_the_place_of_another,
    any_length_of_time_is_a_limit,
);

const LIMIT: Duration = Duration::from_millis(200);

/// Tenants on the free plan have one connection, and little time. Acme is one.
async fn tenancy(world: &World, connections: u32) -> Tenancy {
    let place = world.store.connection(&world.acme).await.unwrap();
    let acme = TenantInfo::active(world.acme.clone()).with_plan("free");
    world.store.insert(acme, (*place).clone()).unwrap();
    let builder = world.tenancy().max_connections(connections);
    let builder = builder.limits(|tenant| match tenant.plan.as_deref() {
        Some("free") => TenantLimits::default()
            .connections(1)
            .statement_timeout(LIMIT),
        _ => TenantLimits::default(),
    });
    let builder = builder.acquire_timeout(Duration::from_secs(2));
    builder.build().unwrap()
}

/// Takes that long, and is refused without the tenant's name.
fn sleep(db: &impl ConnectionTrait, seconds: &str) -> Statement {
    let backend = db.get_database_backend();
    let function = match backend {
        DbBackend::Postgres => "pg_sleep",
        _ => "SLEEP",
    };
    let sql = format!("SELECT {function}({seconds}) FROM (SELECT '$tenant') AS one");
    Statement::from_string(backend, sql)
}

#[track_caller]
fn assert_timed_out<T>(outcome: Result<T, DbErr>) {
    let error = TenantError::from(outcome.map(drop).unwrap_err());
    assert!(
        matches!(error, TenantError::StatementTimeout { limit: LIMIT }),
        "{error:?}"
    );
}

async fn a_plan_says_how_many_connections_a_tenant_may_use(world: &World) {
    let tenancy = tenancy(world, 4).await;
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let held = acme.begin().await.unwrap();
    let refused = TenantError::from(names(&acme).await.unwrap_err());
    assert!(
        matches!(refused, TenantError::ConnectionsBusy { connections: 1, .. }),
        "{refused}"
    );
    // Who works on the tenant has what all have.
    let operator = tenancy.for_tenant_in_any_status(&world.acme).await.unwrap();
    names(&operator).await.unwrap();
    held.rollback().await.unwrap();
    let globex = tenancy.for_tenant(&world.globex).await.unwrap();
    let held = globex.begin().await.unwrap();
    names(&globex).await.unwrap();
    held.rollback().await.unwrap();
    tenancy.close().await;
}

async fn a_statement_that_takes_too_long_is_given_up(world: &World) {
    let tenancy = tenancy(world, 2).await;
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    if world.server == Server::Sqlite {
        // It gives no statement up. The limit does no harm.
        names(&acme).await.unwrap();
        acme.begin().await.unwrap().commit().await.unwrap();
        return tenancy.close().await;
    }
    let long = sleep(&acme, "30");
    assert_timed_out(acme.query_one_raw(long.clone()).await);
    assert_timed_out(acme.query_all_raw(long.clone()).await);
    assert_timed_out(acme.execute_raw(long.clone()).await);
    assert_timed_out(acme.execute_unprepared(&long.sql).await);
    let rows = async { acme.stream_raw(long.clone()).await?.try_next().await };
    assert_timed_out(rows.await);
    let transaction = acme.begin().await.unwrap();
    assert_timed_out(transaction.query_one_raw(long.clone()).await);
    transaction.rollback().await.unwrap();
    let transaction = acme.begin().await.unwrap();
    let rows = async { transaction.stream_raw(long.clone()).await?.try_next().await };
    assert_timed_out(rows.await);
    drop(transaction);
    names(&acme).await.unwrap();
    tenancy.close().await;
}

/// On one connection, which each of them had before.
async fn a_limit_is_not_left_behind_for_others(world: &World) {
    if world.server == Server::Sqlite {
        return;
    }
    let tenancy = tenancy(world, 1).await;
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    let globex = tenancy.for_tenant(&world.globex).await.unwrap();
    let operator = tenancy.for_tenant_in_any_status(&world.acme).await.unwrap();
    for others in [&globex, &operator] {
        names(&acme).await.unwrap();
        takes_longer(others).await;
        names(&acme).await.unwrap();
        let transaction = others.begin().await.unwrap();
        takes_longer(&transaction).await;
        transaction.commit().await.unwrap();
        let transaction = acme.begin().await.unwrap();
        assert_timed_out(transaction.query_one_raw(sleep(&acme, "30")).await);
        drop(transaction);
        takes_longer(others).await;
        names(&acme).await.unwrap();
        let mut rows = others.stream_raw(sleep(others, "0.5")).await.unwrap();
        rows.try_next().await.unwrap();
        drop(rows);
        names(&acme).await.unwrap();
        let shared = tenancy.shared().await.unwrap();
        takes_longer(&shared).await;
        assert_timed_out(acme.query_one_raw(sleep(&acme, "30")).await);
    }
    tenancy.close().await;
}

async fn a_limit_holds_on_a_connection_that_took_the_place_of_another(world: &World) {
    let end_itself = match world.server {
        Server::Postgres => "SELECT pg_terminate_backend(pg_backend_pid())",
        Server::MySql => "KILL CONNECTION_ID()",
        _ => return,
    };
    let tenancy = tenancy(world, 1).await;
    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    names(&acme).await.unwrap();
    let ended = acme.unscoped_raw().execute_unprepared(end_itself).await;
    assert!(ended.is_err());
    assert_timed_out(acme.query_one_raw(sleep(&acme, "30")).await);
    tenancy.close().await;
}

/// However short or long, the server takes it.
async fn any_length_of_time_is_a_limit(world: &World) {
    for limit in [Duration::ZERO, Duration::MAX] {
        let limits = TenantLimits::default().statement_timeout(limit);
        let tenancy = world.tenancy().max_connections(1).limits(move |_| limits);
        let tenancy = tenancy.build().unwrap();
        let acme = tenancy.for_tenant(&world.acme).await.unwrap();
        match names(&acme).await.map_err(TenantError::from) {
            Ok(_) | Err(TenantError::StatementTimeout { .. }) => {}
            Err(refused) => panic!("{limit:?}: {refused}"),
        }
        tenancy.close().await;
    }
}

/// Than acme may.
async fn takes_longer(db: &impl ConnectionTrait) {
    db.query_one_raw(sleep(db, "0.5")).await.unwrap();
}
