//! SeaORM makes raw SQL that is paged or asked to exist a part of a typed statement.

use sea_orm::{EntityTrait as _, PaginatorTrait as _, SelectExt as _, Statement};

use super::inside::inside_acme;
use crate::support::{World, entities::author, on_every_database};

on_every_database!(
    raw_sql_that_is_paged_names_the_tenant_or_is_refused,
    raw_sql_that_is_counted_names_the_tenant_or_is_refused,
    raw_sql_that_is_asked_to_exist_names_the_tenant_or_is_refused,
);

fn select(world: &World) -> Statement {
    let sql = "SELECT id, name, mentor_id FROM author";
    Statement::from_string(world.server.backend(), sql)
}

async fn raw_sql_that_is_paged_names_the_tenant_or_is_refused(world: &World) {
    inside_acme(world, async |db| {
        let raw = author::Entity::find().from_raw_sql(select(world));
        let page = raw.paginate(db, 10).fetch_page(0).await;
        assert!(page.is_err(), "{page:#?}");
    })
    .await;
}

async fn raw_sql_that_is_counted_names_the_tenant_or_is_refused(world: &World) {
    inside_acme(world, async |db| {
        let raw = author::Entity::find().from_raw_sql(select(world));
        let count = raw.count(db).await;
        assert!(count.is_err(), "{count:#?}");
    })
    .await;
}

async fn raw_sql_that_is_asked_to_exist_names_the_tenant_or_is_refused(world: &World) {
    inside_acme(world, async |db| {
        let raw = author::Entity::find().from_raw_sql(select(world));
        let exists = raw.exists(db).await;
        assert!(exists.is_err(), "{exists:#?}");
    })
    .await;
}
