//! What the server refuses, however it is asked; and what it does not.

use futures_util::TryStreamExt as _;
use sea_orm::{
    ConnectionTrait as _, DbBackend, EntityTrait as _, QueryFilter as _, QuerySelect as _,
    Statement, StreamTrait as _, TransactionSession as _, TransactionTrait as _, sea_query::Expr,
};
use sea_orm_tenant::{TenantDatabaseContext, migration::Selection};

use super::{Walled, assert_refused, on_postgres, owner, user};
use crate::{
    isolation::rows::{ask, count},
    migration::library::genre,
    support::World,
};

on_postgres!(
    rows_of_ones_own_are_read_and_written,
    raw_sql_that_names_another_tenant_is_refused,
    sql_injected_into_a_statement_is_refused,
    a_search_path_leads_nowhere,
    a_function_is_refused_what_its_caller_is,
    a_function_that_runs_as_its_owner_is_a_door,
    the_schema_is_changed_by_its_owner_only,
    a_script_that_resets_its_role_gets_out,
    what_closes_the_ways_out_of_a_statement,
);

/// Two tenants, with a row that only the second may read.
async fn neighbours(world: &World) -> Walled<'_> {
    let walled = Walled::new(world).await;
    walled.make(&["one", "other"]).await;
    let plant = format!(
        "UPDATE \"{}\".kind SET label = 'secret'",
        walled.schema("other")
    );
    let owner = owner(world).await;
    owner.execute_unprepared(&plant).await.unwrap();
    owner.close().await.unwrap();
    walled
}

async fn rows_of_ones_own_are_read_and_written(world: &World) {
    let walled = neighbours(world).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    assert_eq!(genre::Entity::find().all(&db).await.unwrap().len(), 2);
    // Its key is a sequence's.
    let insert = "INSERT INTO $tenant.item (kind_id, title) VALUES (1, 'x')";
    db.execute_unprepared(insert).await.unwrap();
    let transaction = db.begin().await.unwrap();
    transaction.execute_unprepared(insert).await.unwrap();
    let update = "UPDATE $tenant.item SET title = 'y'";
    transaction.execute_unprepared(update).await.unwrap();
    transaction.commit().await.unwrap();
    let items = count(&db, "SELECT count(*) FROM $tenant.item WHERE title = 'y'").await;
    assert_eq!(items.unwrap(), 2);
    db.execute_unprepared("DELETE FROM $tenant.item")
        .await
        .unwrap();
    tenancy.close().await;
}

async fn raw_sql_that_names_another_tenant_is_refused(world: &World) {
    let walled = neighbours(world).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let (own, other) = (walled.schema("one"), walled.schema("other"));
    for sql in [
        format!("SELECT label FROM \"{other}\".kind"),
        format!("SELECT o.label FROM \"{own}\".kind JOIN \"{other}\".kind AS o ON true"),
        format!("INSERT INTO \"{other}\".kind VALUES (9, 'x')"),
        format!("UPDATE \"{other}\".kind SET label = 'x'"),
        format!("DELETE FROM \"{other}\".kind"),
        format!("TRUNCATE \"{other}\".kind"),
        format!("WITH t AS (DELETE FROM \"{other}\".kind RETURNING label) SELECT label FROM t"),
        format!("SELECT nextval('\"{other}\".item_id_seq')::text"),
        format!("COPY \"{other}\".kind TO STDOUT"),
        format!("CREATE TABLE \"{other}\".mine (id integer)"),
        format!("DROP TABLE \"{other}\".kind"),
    ] {
        let statement = Statement::from_string(DbBackend::Postgres, &sql);
        let raw = db.unscoped_raw();
        assert_refused(&sql, raw.query_one_raw(statement.clone()).await.map(drop));
        assert_refused(&sql, raw.query_all_raw(statement.clone()).await.map(drop));
        assert_refused(&sql, raw.execute_raw(statement.clone()).await.map(drop));
        assert_refused(&sql, raw.execute_unprepared(&sql).await.map(drop));
        let rows = async { raw.stream_raw(statement.clone()).await?.try_next().await };
        assert_refused(&sql, rows.await.map(drop));
        let transaction = raw.begin().await.unwrap();
        assert_refused(&sql, transaction.execute_unprepared(&sql).await.map(drop));
        transaction.rollback().await.unwrap();
        let transaction = raw.begin().await.unwrap();
        let savepoint = transaction.begin().await.unwrap();
        assert_refused(&sql, savepoint.query_all_raw(statement).await.map(drop));
        drop((savepoint, transaction));
    }
    // It is still there.
    let owner = owner(world).await;
    let secrets = format!("SELECT count(*) FROM \"{other}\".kind WHERE label = 'secret'");
    assert_eq!(count(&owner, &secrets).await.unwrap(), 2);
    owner.close().await.unwrap();
    tenancy.close().await;
}

async fn sql_injected_into_a_statement_is_refused(world: &World) {
    let walled = neighbours(world).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let other = walled.schema("other");
    for input in [
        format!("x' UNION SELECT label FROM \"{other}\".kind --"),
        format!("x' OR EXISTS (SELECT FROM \"{other}\".kind) --"),
        format!("x' OR query_to_xml('SELECT * FROM \"{other}\".kind', true, true, '') IS NULL --"),
    ] {
        // As nobody should write it.
        let injected = genre::Entity::find()
            .select_only()
            .column(genre::Column::Label)
            .filter(Expr::cust(format!("label = '{input}'")))
            .into_tuple::<String>();
        assert_refused(&input, injected.all(&db).await);
    }
    // What is left of one that sets something is refused the tenant's own rows, and then it is well.
    let (role, own) = (walled.role("other"), walled.role("one"));
    let set = format!("label = set_config('role', '{role}', false)");
    let set = genre::Entity::find().filter(Expr::cust(set));
    set.all(&db).await.unwrap();
    let rows = genre::Entity::find().all(&db).await;
    assert_refused("after it", rows);
    assert_eq!(user(&db).await, own);
    // One statement at a time is what a prepared one can be.
    let two = genre::Entity::find().filter(Expr::cust("true; RESET ROLE"));
    two.all(&db).await.unwrap_err();
    assert_eq!(user(&db).await, walled.role("one"));
    tenancy.close().await;
}

async fn a_search_path_leads_nowhere(world: &World) {
    let walled = neighbours(world).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let other = walled.schema("other");
    let script = format!("SET search_path = \"{other}\"; SELECT label FROM kind");
    // A schema that one may not use is passed over.
    let raw = db.unscoped_raw();
    let error = raw.execute_unprepared(&script).await.unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
    let transaction = db.begin().await.unwrap();
    TenantDatabaseContext::apply_with(&transaction, &[other.parse().unwrap()])
        .await
        .unwrap();
    let own = ask(transaction.unscoped_raw(), "SELECT min(label) FROM kind").await;
    assert_eq!(own.unwrap(), "Journey");
    transaction.rollback().await.unwrap();
    tenancy.close().await;
}

async fn a_function_is_refused_what_its_caller_is(world: &World) {
    let walled = neighbours(world).await;
    let (own, other) = (walled.schema("one"), walled.schema("other"));
    define(world, &own, &other, "INVOKER").await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let peek = "SELECT $tenant.peek()";
    assert_refused(peek, ask(&db, peek).await);
    let block = format!("DO $do$ BEGIN PERFORM label FROM \"{other}\".kind; END $do$");
    let raw = db.unscoped_raw();
    assert_refused(&block, raw.execute_unprepared(&block).await);
    tenancy.close().await;
}

/// It is meant to be one: whoever owns the schemas made it, for just that.
async fn a_function_that_runs_as_its_owner_is_a_door(world: &World) {
    let walled = neighbours(world).await;
    let (own, other) = (walled.schema("one"), walled.schema("other"));
    define(world, &own, &other, "DEFINER").await;
    // No migration made it, after which that would be done.
    let report = walled.fleet().grant_roles(&Selection::All).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    assert_eq!(ask(&db, "SELECT $tenant.peek()").await.unwrap(), "secret");
    // A tenant can make none itself, nor change one.
    for sql in [
        "CREATE FUNCTION $tenant.mine() RETURNS text LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW $tenant.mine AS SELECT 1 AS one",
        "CREATE OR REPLACE FUNCTION $tenant.peek() RETURNS text LANGUAGE sql AS 'SELECT 1'",
    ] {
        let error = db.execute_unprepared(sql).await.unwrap_err().to_string();
        let is_refused = error.contains("permission denied") || error.contains("must be owner");
        assert!(is_refused, "{sql}: {error}");
    }
    // Nor call one of another tenant, although that has prepared the same statement here.
    let theirs = format!("SELECT \"{own}\".peek()");
    let other = walled.db(&tenancy, "other").await;
    assert_refused(&theirs, ask(other.unscoped_raw(), &theirs).await);
    tenancy.close().await;
}

/// A function in `own` that reads `other`.
async fn define(world: &World, own: &str, other: &str, security: &str) {
    let owner = owner(world).await;
    let define = format!(
        "CREATE FUNCTION \"{own}\".peek() RETURNS text LANGUAGE sql SECURITY {security} \
         AS 'SELECT min(label) FROM \"{other}\".kind'"
    );
    owner.execute_unprepared(&define).await.unwrap();
    owner.close().await.unwrap();
}

async fn the_schema_is_changed_by_its_owner_only(world: &World) {
    let walled = neighbours(world).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    for sql in [
        "CREATE TABLE $tenant.more (id integer)",
        "ALTER TABLE $tenant.kind ADD COLUMN more integer",
        "DROP TABLE $tenant.item",
        "TRUNCATE $tenant.item",
        "DROP SCHEMA \"$tenant\" CASCADE",
        "UPDATE $tenant.seaql_migrations SET version = 'm9'",
        "DELETE FROM $tenant.seaql_migrations",
    ] {
        let error = db.execute_unprepared(sql).await.unwrap_err().to_string();
        let is_refused = error.contains("permission denied") || error.contains("must be owner");
        assert!(is_refused, "{sql}: {error}");
    }
    // One may grant what one may not grant: nothing is granted then.
    db.execute_unprepared("GRANT ALL ON $tenant.kind TO PUBLIC")
        .await
        .unwrap();
    let granted = format!(
        "SELECT count(*) FROM (SELECT) AS one \
         WHERE has_table_privilege('public', '\"{}\".kind', 'SELECT')",
        walled.schema("one")
    );
    assert_eq!(count(db.unscoped_raw(), &granted).await.unwrap(), 0);
    let other = walled.db(&tenancy, "other").await;
    let theirs = format!("SELECT label FROM \"{}\".kind", walled.schema("one"));
    assert_refused(&theirs, ask(other.unscoped_raw(), &theirs).await);
    // The gate of versions reads them.
    let applied = count(&db, "SELECT count(*) FROM $tenant.seaql_migrations").await;
    assert_eq!(applied.unwrap(), 4);
    tenancy.close().await;
}

/// The application's login may take every tenant's role, and whoever writes a whole script is that
/// login. SECURITY.md says so.
async fn a_script_that_resets_its_role_gets_out(world: &World) {
    let walled = neighbours(world).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let raw = db.unscoped_raw();
    let (other, role) = (walled.schema("other"), walled.role("other"));
    let labels = format!("SELECT min(label) FROM \"{other}\".kind");
    // Out of the role, into nobody's: the login has no rights of its own.
    let reset = format!("RESET ROLE; {labels}");
    assert_refused(&reset, raw.execute_unprepared(&reset).await);
    // But it may take another.
    let taken = format!("SET ROLE \"{role}\"; {labels}");
    raw.execute_unprepared(&taken).await.unwrap();
    // In one statement, too, by a function that runs another.
    let nested = format!(
        "SELECT query_to_xml('SELECT * FROM \"{other}\".kind', true, true, '')::text \
         FROM (SELECT set_config('role', '{role}', false)) AS taken \
         WHERE taken.set_config <> ''"
    );
    assert!(ask(raw, &nested).await.unwrap().contains("secret"));
    let block = format!(
        "DO $do$ BEGIN SET ROLE \"{role}\"; UPDATE \"{other}\".kind SET label = 'secret'; END $do$"
    );
    let prepared = Statement::from_string(DbBackend::Postgres, block);
    raw.execute_raw(prepared).await.unwrap();
    // That ends with the statement.
    assert_eq!(user(&db).await, walled.role("one"));
    assert_refused(&labels, ask(raw, &labels).await);
    tenancy.close().await;
}

/// What SECURITY.md has a superuser say once.
async fn what_closes_the_ways_out_of_a_statement(world: &World) {
    let walled = neighbours(world).await;
    let owner = owner(world).await;
    for statement in [
        "REVOKE EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) FROM PUBLIC",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "DO $do$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $do$",
    ] {
        owner.execute_unprepared(statement).await.unwrap();
    }
    owner.close().await.unwrap();
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    let raw = db.unscoped_raw();
    let (other, role) = (walled.schema("other"), walled.role("other"));
    for sql in [
        format!("SELECT set_config('role', '{role}', false)"),
        format!(
            "SELECT query_to_xml('SELECT * FROM \"{other}\".kind', true, true, '')::text \
             FROM (SELECT set_config('role', '{role}', false)) AS taken \
             WHERE taken.set_config <> ''"
        ),
        format!(
            "SELECT query_to_xml('SELECT set_' || 'config(''role'', ''{role}'', false)', true, true, '')::text"
        ),
        format!("UPDATE pg_settings SET setting = '{role}' WHERE name = 'role'"),
        "CREATE TEMPORARY TABLE kind (id integer)".to_owned(),
        "CREATE TABLE public.planted (id integer)".to_owned(),
    ] {
        let statement = Statement::from_string(DbBackend::Postgres, &sql);
        let refused = raw.query_all_raw(statement).await;
        assert_refused(&sql, refused);
    }
    // What is left needs none of it.
    assert_eq!(user(&db).await, walled.role("one"));
    let transaction = db.begin().await.unwrap();
    TenantDatabaseContext::apply_tenant_context(&transaction)
        .await
        .unwrap();
    let own = ask(transaction.unscoped_raw(), "SELECT min(label) FROM kind").await;
    assert_eq!(own.unwrap(), "Journey");
    transaction.commit().await.unwrap();
    tenancy.close().await;
}
