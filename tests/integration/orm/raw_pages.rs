//! SeaORM makes raw SQL that is paged or asked to exist a part of a typed statement.

use sea_orm::{
    DbErr, EntityTrait as _, PaginatorTrait as _, SelectExt as _, SelectModel, SelectorRaw,
    Statement,
};

use super::inside::inside_acme;
use crate::support::{World, entities::author, on_every_database};

on_every_database!(
    raw_sql_that_is_paged_names_the_tenant_or_is_refused,
    raw_sql_that_is_counted_names_the_tenant_or_is_refused,
    raw_sql_that_is_asked_to_exist_names_the_tenant_or_is_refused,
    a_table_behind_a_comma_or_a_comment_is_seen,
);

/// A raw statement over `table`, as SeaORM pages it.
fn raw(world: &World, table: &str) -> SelectorRaw<SelectModel<author::Model>> {
    let sql = format!("SELECT id, name, mentor_id FROM {table}");
    author::Entity::find().from_raw_sql(Statement::from_string(world.server.backend(), sql))
}

fn assert_refused<T: std::fmt::Debug>(outcome: Result<T, DbErr>) {
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("does not name `$tenant`"), "{error}");
}

async fn raw_sql_that_is_paged_names_the_tenant_or_is_refused(world: &World) {
    inside_acme(world, async |db| {
        assert_refused(raw(world, "author").paginate(db, 10).fetch_page(0).await);
        let own = raw(world, "$tenant.author");
        let page = own.paginate(db, 10).fetch_page(0).await.unwrap();
        assert_eq!(page, author::Entity::find().all(db).await.unwrap());
    })
    .await;
}

async fn raw_sql_that_is_counted_names_the_tenant_or_is_refused(world: &World) {
    inside_acme(world, async |db| {
        assert_refused(raw(world, "author").count(db).await);
        let count = raw(world, "$tenant.author").count(db).await.unwrap();
        assert_eq!(count, author::Entity::find().count(db).await.unwrap());
    })
    .await;
}

async fn raw_sql_that_is_asked_to_exist_names_the_tenant_or_is_refused(world: &World) {
    inside_acme(world, async |db| {
        assert_refused(raw(world, "author").exists(db).await);
        assert!(raw(world, "$tenant.author").exists(db).await.unwrap());
    })
    .await;
}

async fn a_table_behind_a_comma_or_a_comment_is_seen(world: &World) {
    inside_acme(world, async |db| {
        for table in [
            "(SELECT 1 AS one) AS ones, author",
            "/**/author",
            "(author)",
            "\nauthor",
        ] {
            assert_refused(raw(world, table).count(db).await);
        }
        let own = raw(world, "(SELECT 1 AS one) AS ones, $tenant.author");
        own.count(db).await.unwrap();
    })
    .await;
}
