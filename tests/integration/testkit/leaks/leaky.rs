use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use sea_orm::{EntityTrait as _, TransactionTrait as _};
use sea_orm_tenant::{TenantContext, TenantId};
use tenant_testkit::Leak;
use tokio::sync::Mutex;

use super::{Plain, a_tenants, check, has_row_of, has_statement_on, nobodys};
use crate::support::{Server, entities::author};

/// `SET search_path` on a pooled connection: between that and the query another request has set it.
async fn session_state_is_found(server: Server, set: &str) {
    let mut check = check(server).await;
    let app = Plain::of(&check, server).await;
    let report = check
        .run(async |visit| {
            app.execute(format!("{set} {}", app.schema(visit.tenant())))
                .await;
            app.names("SELECT name FROM author").await
        })
        .await
        .unwrap();
    assert!(has_row_of(&report, a_tenants), "{report}");
    // As long as one comes after the other, nothing is wrong.
    assert!(!has_statement_on(&report, |_| true), "{report}");
}

#[tokio::test]
async fn a_search_path_that_is_left_behind_is_found() {
    session_state_is_found(Server::Postgres, "SET search_path TO").await;
}

#[tokio::test]
async fn a_default_database_that_is_left_behind_is_found() {
    session_state_is_found(Server::MySql, "USE").await;
}

/// A search path that is not set again, since the connection is thought to be the tenant's.
#[tokio::test]
async fn a_search_path_of_whoever_came_first_is_found() {
    let mut check = check(Server::Postgres).await;
    let app = Plain::of(&check, Server::Postgres).await;
    let is_set = Mutex::new(false);
    let report = check
        .run(async |visit| {
            let mut is_set = is_set.lock().await;
            if !*is_set {
                let schema = app.schema(visit.tenant());
                app.execute(format!("SET search_path TO {schema}")).await;
                *is_set = true;
            }
            app.names("SELECT name FROM author").await
        })
        .await
        .unwrap();
    assert!(has_row_of(&report, a_tenants), "{report}");
    assert!(has_statement_on(&report, a_tenants), "{report}");
}

/// A tenant for the whole process, which whoever comes next overwrites.
async fn a_global_tenant_is_found(server: Server) {
    let mut check = check(server).await;
    let app = Plain::of(&check, server).await;
    let current = std::sync::Mutex::new(None::<TenantId>);
    let report = check
        .run(async |visit| {
            *current.lock().unwrap() = Some(visit.tenant().clone());
            // Whatever is waited for in front of the query: a session, a body.
            app.execute("SELECT 1").await;
            let tenant = current.lock().unwrap().clone().unwrap();
            app.names(format!("SELECT name FROM {}.author", app.schema(&tenant)))
                .await
        })
        .await
        .unwrap();
    assert!(has_row_of(&report, a_tenants), "{report}");
}

#[tokio::test]
async fn a_global_tenant_is_found_on_postgres() {
    a_global_tenant_is_found(Server::Postgres).await;
}

#[tokio::test]
async fn a_global_tenant_is_found_on_mariadb() {
    a_global_tenant_is_found(Server::MySql).await;
}

/// A cache whose key is the row's id, which each tenant has.
async fn a_cache_without_a_tenant_is_found(server: Server) {
    let mut check = check(server).await;
    let tenancy = check.tenancy().clone();
    let cache = Mutex::new(HashMap::new());
    let report = check
        .run(async |visit| {
            let mut cache = cache.lock().await;
            let mut found = Vec::new();
            for id in visit.mark().common_ids() {
                let id = i32::try_from(id).unwrap();
                if let Entry::Vacant(missing) = cache.entry(id) {
                    let db = tenancy.for_tenant(visit.tenant()).await.unwrap();
                    let author = author::Entity::find_by_id(id).one(&db).await.unwrap();
                    missing.insert(author.unwrap());
                }
                found.push(cache[&id].clone());
            }
            found
        })
        .await
        .unwrap();
    assert!(has_row_of(&report, a_tenants), "{report}");
    // The server has been asked nothing wrong.
    assert!(!has_statement_on(&report, |_| true), "{report}");
}

#[tokio::test]
async fn a_cache_without_a_tenant_is_found_on_postgres() {
    a_cache_without_a_tenant_is_found(Server::Postgres).await;
}

#[tokio::test]
async fn a_cache_without_a_tenant_is_found_on_mariadb() {
    a_cache_without_a_tenant_is_found(Server::MySql).await;
}

#[tokio::test]
async fn a_cache_without_a_tenant_is_found_on_sqlite() {
    a_cache_without_a_tenant_is_found(Server::Sqlite).await;
}

/// A task that does not know its tenant, in an application that then asks without one.
async fn a_query_spawned_outside_its_scope_is_found(server: Server) {
    let mut check = check(server).await;
    let app = Arc::new(Plain::of(&check, server).await);
    let tenancy = check.tenancy().clone();
    let report = check
        .run(async |visit| {
            TenantContext::scope(visit.tenant().clone(), async {
                let db = tenancy.current().await.unwrap();
                let own = author::Entity::find().all(&db).await.unwrap();
                let app = Arc::clone(&app);
                let spawned = tokio::spawn(async move {
                    match TenantContext::try_current() {
                        Some(tenant) => {
                            let authors = format!("{}.author", app.schema(&tenant));
                            app.names(format!("SELECT name FROM {authors}")).await
                        }
                        None => app.names("SELECT name FROM author").await,
                    }
                });
                (own, spawned.await.unwrap())
            })
            .await
        })
        .await
        .unwrap();
    assert!(has_row_of(&report, nobodys), "{report}");
    assert!(has_statement_on(&report, nobodys), "{report}");
}

#[tokio::test]
async fn a_query_spawned_outside_its_scope_is_found_on_postgres() {
    a_query_spawned_outside_its_scope_is_found(Server::Postgres).await;
}

#[tokio::test]
async fn a_query_spawned_outside_its_scope_is_found_on_mariadb() {
    a_query_spawned_outside_its_scope_is_found(Server::MySql).await;
}

/// Nothing is returned of it, and nobody waits for it.
async fn a_statement_whose_rows_nobody_sees_is_found(server: Server) {
    let mut check = check(server).await;
    let app = Plain::of(&check, server).await;
    let report = check
        .run(async |visit| {
            let other = TenantId::from_static("globex");
            app.names(format!(
                "SELECT name FROM {}.author WHERE 1 = 0",
                app.schema(&other)
            ))
            .await;
            app.names(format!(
                "SELECT name FROM {}.author",
                app.schema(visit.tenant())
            ))
            .await
        })
        .await
        .unwrap();
    assert!(has_statement_on(&report, a_tenants), "{report}");
    assert!(!has_row_of(&report, |_| true), "{report}");
}

#[tokio::test]
async fn a_statement_whose_rows_nobody_sees_is_found_on_postgres() {
    a_statement_whose_rows_nobody_sees_is_found(Server::Postgres).await;
}

#[tokio::test]
async fn a_statement_whose_rows_nobody_sees_is_found_on_mariadb() {
    a_statement_whose_rows_nobody_sees_is_found(Server::MySql).await;
}

/// No text, only a number: which rows another tenant has.
#[tokio::test]
async fn an_id_alone_is_found() {
    let mut check = check(Server::Postgres).await;
    let app = Plain::of(&check, Server::Postgres).await;
    let report = check
        .run(async |visit| {
            let own = app.schema(visit.tenant());
            let all = format!(
                "SELECT max(id)::text FROM (SELECT id FROM {own}.author \
                 UNION SELECT id FROM tenant_globex.author) a"
            );
            app.names(all).await
        })
        .await
        .unwrap();
    let is_id =
        |leak: &Leak| matches!(leak, Leak::Id { visitor, .. } if visitor.as_str() == "acme");
    assert!(report.leaks().iter().any(is_id), "{report}");
    assert!(!has_row_of(&report, |_| true), "{report}");
}

/// Into the default schema, as by an entity that says no schema; or into another tenant's.
async fn a_row_written_elsewhere_is_found(server: Server) {
    let mut check = check(server).await;
    let app = Plain::of(&check, server).await;
    let count = std::sync::atomic::AtomicUsize::new(0);
    let report = check
        .run(async |visit| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let word = format!("{} {number}", visit.mark().text());
            app.execute(format!("INSERT INTO tag (word) VALUES ('{word}')"))
                .await;
            app.names(format!(
                "SELECT name FROM {}.author",
                app.schema(visit.tenant())
            ))
            .await
        })
        .await
        .unwrap();
    let is_write = |leak: &Leak| matches!(leak, Leak::Write { owner, table, .. } if nobodys(owner) && table == "tag");
    assert!(report.leaks().iter().any(is_write), "{report}");
}

#[tokio::test]
async fn a_row_written_elsewhere_is_found_on_postgres() {
    a_row_written_elsewhere_is_found(Server::Postgres).await;
}

#[tokio::test]
async fn a_row_written_elsewhere_is_found_on_mariadb() {
    a_row_written_elsewhere_is_found(Server::MySql).await;
}

/// Only while several are at it, so that no comparison of before and after can tell whose it is.
#[tokio::test]
async fn a_row_written_to_whoever_came_last_is_found() {
    let mut check = check(Server::Postgres).await;
    let app = Plain::of(&check, Server::Postgres).await;
    let current = std::sync::Mutex::new(None::<TenantId>);
    let report = check
        .run(async |visit| {
            *current.lock().unwrap() = Some(visit.tenant().clone());
            app.execute("SELECT 1").await;
            let tenant = current.lock().unwrap().clone().unwrap();
            let word = visit.mark().text();
            app.execute(format!(
                "INSERT INTO {}.tag (word) VALUES ('{word}') ON CONFLICT DO NOTHING",
                app.schema(&tenant)
            ))
            .await;
        })
        .await
        .unwrap();
    let is_write = |leak: &Leak| matches!(leak, Leak::Write { visitor: Some(_), owner, .. } if a_tenants(owner));
    assert!(report.leaks().iter().any(is_write), "{report}");
}

#[tokio::test]
async fn a_transaction_on_two_tenants_is_found_while_several_are_at_it() {
    let mut check = check(Server::Postgres).await;
    let app = Plain::of(&check, Server::Postgres).await;
    let report = check
        .run(async |visit| {
            let transaction = app.db.begin().await.unwrap();
            for tenant in [visit.tenant().as_str(), "globex"] {
                let touch = format!("DELETE FROM tenant_{tenant}.author WHERE 1 = 0");
                use sea_orm::ConnectionTrait as _;
                transaction.execute_unprepared(&touch).await.unwrap();
            }
            transaction.commit().await.unwrap();
        })
        .await
        .unwrap();
    let is_mixed = |leak: &Leak| matches!(leak, Leak::Transaction { .. });
    assert!(report.leaks().iter().any(is_mixed), "{report}");
}

#[tokio::test]
async fn statements_that_were_recorded_elsewhere_are_read() {
    let check = check(Server::Postgres).await;
    let acme = TenantId::from_static("acme");
    let own = "SELECT * FROM tenant_acme.author JOIN genre ON true";
    assert_eq!(check.read(&acme, [own]), []);
    let leaks = check.read(&acme, [own, "SELECT 1 FROM tenant_globex.author"]);
    assert!(matches!(leaks[..], [Leak::Statement { .. }]), "{leaks:?}");
}

#[tokio::test]
#[should_panic = "No visit returned a planted row of its own tenant"]
async fn a_visit_that_returns_nothing_proves_nothing() {
    let mut check = check(Server::Sqlite).await;
    let report = check.run(async |_| ()).await.unwrap();
    assert!(report.is_clean());
    report.assert_none();
}
