//! Whose role is set on a connection, whoever had it before.

use std::{
    future::{Future as _, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt as _, TryStreamExt as _, future::join_all, stream};
use sea_orm::{
    ConnectionTrait as _, DbBackend, Statement, StreamTrait as _, TransactionSession as _,
    TransactionTrait as _,
};
use sea_orm_tenant::{
    ConnectionInfo, DatabaseUrl, TenantConnection, TenantError, TenantInfo, TenantLimits,
    migration::{Outcome, Selection},
};

use super::{Walled, assert_no_role, on_postgres, roles, user};
use crate::{isolation::rows::ask, migration::library::First, support::World};

on_postgres!(
    each_tenant_has_its_role_on_a_connection_that_others_had,
    the_shared_connection_has_no_role,
    who_makes_a_schema_owns_it,
    what_raw_sql_sets_ends_with_it,
    raw_sql_that_ends_a_transaction_keeps_the_role,
    a_limit_and_a_role_are_set_together,
    a_request_that_is_cut_off_leaves_no_role_for_others,
    many_at_once_have_their_own_roles,
    a_tenant_without_a_role_is_not_served,
    a_pooler_of_transactions_is_refused,
);

async fn each_tenant_has_its_role_on_a_connection_that_others_had(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one", "other"]).await;
    let tenancy = walled.tenancy().build().unwrap();
    for _ in 0..3 {
        for name in ["one", "other"] {
            let db = walled.db(&tenancy, name).await;
            let role = walled.role(name);
            assert_eq!(user(&db).await, role);
            assert_eq!(user(&db).await, role);
            let who = "SELECT current_user::text FROM (SELECT '$tenant') AS one";
            let who = Statement::from_string(DbBackend::Postgres, who);
            let rows = db.stream_raw(who).await.unwrap();
            let rows: Vec<_> = rows.try_collect().await.unwrap();
            assert_eq!(rows[0].try_get_by_index::<String>(0).unwrap(), role);
        }
        for name in ["one", "other"] {
            let db = walled.db(&tenancy, name).await;
            let transaction = db.begin().await.unwrap();
            assert_eq!(user(&transaction).await, walled.role(name));
            let savepoint = transaction.begin().await.unwrap();
            assert_eq!(user(&savepoint).await, walled.role(name));
            savepoint.rollback().await.unwrap();
            assert_eq!(user(&transaction).await, walled.role(name));
            transaction.commit().await.unwrap();
        }
    }
    // Also of those who work on a tenant in any status.
    let one = walled.yard.id("one");
    let operator = tenancy.for_tenant_in_any_status(&one).await.unwrap();
    assert_eq!(user(&operator).await, walled.role("one"));
    tenancy.close().await;
}

async fn the_shared_connection_has_no_role(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one"]).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let shared = tenancy.shared().await.unwrap();
    for _ in 0..2 {
        assert_eq!(user(&db).await, walled.role("one"));
        assert_eq!(user(&shared).await, walled.login);
        let transaction = shared.begin().await.unwrap();
        assert_eq!(user(&transaction).await, walled.login);
        transaction.commit().await.unwrap();
        let transaction = db.begin().await.unwrap();
        assert_eq!(user(&transaction).await, walled.role("one"));
        transaction.commit().await.unwrap();
        assert_eq!(user(&shared).await, walled.login);
    }
    tenancy.close().await;
}

/// On the connection of a tenant that has no role yet.
async fn who_makes_a_schema_owns_it(world: &World) {
    let walled = Walled::new(world).await;
    let tenancy = world.tenancy().database_roles(roles()).build().unwrap();
    let id = walled.yard.id("made");
    world.store.add(id.clone(), &world.database).unwrap();
    let made = tenancy.create_schema(&id).await.unwrap();
    let owner = user(&made).await;
    assert_ne!(owner, walled.role("made"));
    made.execute_unprepared("CREATE TABLE $tenant.kind (id integer)")
        .await
        .unwrap();
    let served = tenancy.for_tenant(&id).await.unwrap();
    let refused = served
        .execute_unprepared("SELECT 1 FROM $tenant.kind")
        .await;
    assert_no_role(refused, &walled.role("made"));
    tenancy.close().await;
}

async fn what_raw_sql_sets_ends_with_it(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one", "other"]).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let raw = db.unscoped_raw();
    let role = walled.role("one");
    let other = walled.role("other");
    for script in [
        "RESET ROLE".to_owned(),
        "SET ROLE NONE".to_owned(),
        format!("SET ROLE \"{other}\""),
        "RESET ALL".to_owned(),
        "SET SESSION AUTHORIZATION DEFAULT".to_owned(),
        format!("DO $do$ BEGIN SET ROLE \"{other}\"; END $do$"),
        format!("BEGIN; SET ROLE \"{other}\"; COMMIT"),
        "DISCARD ALL".to_owned(),
    ] {
        raw.execute_unprepared(&script).await.unwrap();
        assert_eq!(user(&db).await, role, "{script}");
        let prepared = Statement::from_string(DbBackend::Postgres, &script);
        // Several statements cannot be prepared.
        if !script.starts_with("BEGIN") && !script.starts_with("DISCARD") {
            raw.execute_raw(prepared).await.unwrap();
            assert_eq!(user(&db).await, role, "{script}");
        }
        // In a transaction it ends with that.
        if !script.starts_with("BEGIN") && !script.starts_with("DISCARD") {
            let transaction = raw.begin().await.unwrap();
            transaction.execute_unprepared(&script).await.unwrap();
            transaction.commit().await.unwrap();
            assert_eq!(user(&db).await, role, "{script}");
            let transaction = raw.begin().await.unwrap();
            assert_eq!(user(&transaction).await, role, "{script}");
            transaction.rollback().await.unwrap();
        }
    }
    let config = format!("SELECT set_config('role', '{other}', false)");
    assert_eq!(ask(raw, &config).await.unwrap(), other);
    assert_eq!(user(&db).await, role);
    tenancy.close().await;
}

/// As a script that commits in between does, on a connection that another tenant had.
async fn raw_sql_that_ends_a_transaction_keeps_the_role(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one", "other"]).await;
    let tenancy = walled.tenancy().build().unwrap();
    let one = walled.db(&tenancy, "one").await;
    let other = walled.db(&tenancy, "other").await;
    for end in ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN"] {
        assert_eq!(user(&other).await, walled.role("other"));
        let transaction = one.begin().await.unwrap();
        let raw = transaction.unscoped_raw();
        raw.execute_unprepared(end).await.unwrap();
        assert_eq!(user(&transaction).await, walled.role("one"), "{end}");
        drop(transaction);
    }
    tenancy.close().await;
}

async fn a_limit_and_a_role_are_set_together(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one", "other"]).await;
    let limit = Duration::from_millis(200);
    let slow = walled.yard.id("one");
    let tenancy = walled
        .tenancy()
        .limits(move |tenant| match tenant.id == slow {
            true => TenantLimits::default().statement_timeout(limit),
            false => TenantLimits::default(),
        });
    let tenancy = tenancy.build().unwrap();
    let one = walled.db(&tenancy, "one").await;
    let other = walled.db(&tenancy, "other").await;
    let timeout = "SELECT current_setting('statement_timeout') FROM (SELECT '$tenant') AS one";
    for _ in 0..2 {
        assert_eq!(ask(&one, timeout).await.unwrap(), "200ms");
        assert_eq!(user(&one).await, walled.role("one"));
        assert_eq!(ask(&other, timeout).await.unwrap(), "0");
        assert_eq!(user(&other).await, walled.role("other"));
        let transaction = one.begin().await.unwrap();
        assert_eq!(ask(&transaction, timeout).await.unwrap(), "200ms");
        assert_eq!(user(&transaction).await, walled.role("one"));
        transaction.rollback().await.unwrap();
    }
    tenancy.close().await;
}

/// Wherever it is cut off: while a role is set, too.
async fn a_request_that_is_cut_off_leaves_no_role_for_others(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one", "other"]).await;
    let tenancy = walled.tenancy().build().unwrap();
    let one = walled.db(&tenancy, "one").await;
    let other = walled.db(&tenancy, "other").await;
    let mut cuts = 0;
    for polls in 1..12 {
        for in_transaction in [false, true] {
            {
                let mut cut = pin!(request(&one, in_transaction));
                let mut left = polls;
                cuts += poll_fn(|context| {
                    left -= 1;
                    match cut.as_mut().poll(context) {
                        Poll::Pending if left > 0 => Poll::Pending,
                        polled => Poll::Ready(usize::from(polled.is_pending())),
                    }
                })
                .await;
            }
            assert_eq!(user(&other).await, walled.role("other"), "{polls}");
            let transaction = other.begin().await.unwrap();
            assert_eq!(user(&transaction).await, walled.role("other"), "{polls}");
            transaction.rollback().await.unwrap();
        }
    }
    // The first waits for the role, whatever it is about.
    assert!(cuts >= 2, "{cuts}");
    tenancy.close().await;
}

async fn request(db: &TenantConnection, in_transaction: bool) {
    if !in_transaction {
        user(db).await;
        return;
    }
    let transaction = db.begin().await.unwrap();
    user(&transaction).await;
    transaction.commit().await.unwrap();
}

async fn many_at_once_have_their_own_roles(world: &World) {
    let walled = Walled::new(world).await;
    let names: Vec<_> = (0..7).map(|number| format!("t{number}")).collect();
    walled
        .make(&names.iter().map(String::as_str).collect::<Vec<_>>())
        .await;
    let tenancy = walled.tenancy().max_connections(2).build().unwrap();
    let requests = stream::iter(0..600_usize).for_each_concurrent(12, |number| {
        let (tenancy, walled, names) = (&tenancy, &walled, &names);
        async move {
            let name = &names[number * 5 % names.len()];
            let db = walled.db(tenancy, name).await;
            let role = walled.role(name);
            if number % 3 == 0 {
                let transaction = db.begin().await.unwrap();
                assert_eq!(user(&transaction).await, role);
                transaction.commit().await.unwrap();
            } else {
                assert_eq!(user(&db).await, role);
            }
        }
    });
    requests.await;
    tenancy.close().await;
}

async fn a_tenant_without_a_role_is_not_served(world: &World) {
    let walled = Walled::new(world).await;
    walled.yard.make::<4>(&["early", "bird"]).await;
    for name in ["early", "bird"] {
        walled.enter(name);
    }
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "early").await;
    let statement = "SELECT 1 FROM (SELECT '$tenant') AS one";
    let refused = [
        db.execute_unprepared(statement).await.map(drop),
        db.begin().await.map(drop),
    ];
    for refused in refused {
        assert_no_role(refused, &walled.role("early"));
    }
    // One who may not take it is refused as well.
    let nobodys = walled.yard.builder::<First<4>>();
    let fleet = nobodys.database_roles(roles()).build().unwrap();
    let report = fleet.grant_roles(&Selection::All).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert!(matches!(report.tenants[0].outcome, Outcome::RoleGranted));
    assert_no_role(
        db.execute_unprepared(statement).await,
        &walled.role("early"),
    );
    // Twice, and several at a time: nothing is changed by the second.
    let fleet = walled.fleet();
    for report in join_all([
        fleet.grant_roles(&Selection::All),
        fleet.grant_roles(&Selection::All),
    ])
    .await
    {
        let report = report.unwrap();
        assert!(report.is_complete(), "{report:?}");
    }
    assert_eq!(user(&db).await, walled.role("early"));
    tenancy.close().await;
}

async fn a_pooler_of_transactions_is_refused(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one"]).await;
    let pooled = format!("{}?statement-cache-capacity=0", walled.application.expose());
    let place = ConnectionInfo::shared(&DatabaseUrl::new(pooled).unwrap(), &walled.yard.id("one"));
    let info = TenantInfo::active(walled.yard.id("one"));
    walled.store.insert(info, place).unwrap();
    let tenancy = walled.tenancy().build().unwrap();
    let refused = tenancy
        .for_tenant(&walled.yard.id("one"))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, TenantError::Configuration(what) if what.contains("pooler")),
        "{refused}"
    );
}
