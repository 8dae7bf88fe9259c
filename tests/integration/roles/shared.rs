//! What tenants may do with the shared tables.

use sea_orm::{ActiveValue::Set, ConnectionTrait as _, EntityTrait as _};
use sea_orm_tenant::{DatabaseRoles, TenantError, migration::share_with_tenants};

use super::{Walled, assert_refused, on_postgres, owner, roles};
use crate::support::{World, entities::genre};

on_postgres!(
    shared_tables_are_read_when_they_are_granted_and_never_written,
    what_is_no_table_is_not_shared,
);

async fn shared_tables_are_read_when_they_are_granted_and_never_written(world: &World) {
    let walled = Walled::new(world).await;
    walled.make(&["one"]).await;
    let tenancy = walled.tenancy().build().unwrap();
    let db = walled.db(&tenancy, "one").await;
    assert_refused("ungranted", genre::Entity::find().all(&db).await);
    let owner = owner(world).await;
    for _ in 0..2 {
        share_with_tenants(&owner, &roles(), &["public.genre"])
            .await
            .unwrap();
    }
    owner.close().await.unwrap();
    assert_eq!(genre::Entity::find().all(&db).await.unwrap().len(), 2);
    let insert = genre::Entity::insert(genre::ActiveModel {
        id: Set(7),
        label: Set("x".into()),
    });
    assert_refused("insert", insert.exec(&db).await);
    let others = "SELECT 1 FROM public.author";
    let raw = db.unscoped_raw();
    assert_refused(others, raw.execute_unprepared(others).await);
    tenancy.close().await;
}

async fn what_is_no_table_is_not_shared(world: &World) {
    let owner = owner(world).await;
    for table in [
        "public.no_such",
        "public.genre; DROP TABLE public.genre",
        "",
    ] {
        let refused = share_with_tenants(&owner, &roles(), &[table]).await;
        assert!(matches!(refused, Err(TenantError::Database(_))), "{table}");
    }
    genre::Entity::find().all(&owner).await.unwrap_err();
    let count = "SELECT 1 FROM public.genre";
    owner.execute_unprepared(count).await.unwrap();
    // Nor with a role that somebody logs in as.
    let (_, number) = world.acme.as_str().split_once('-').unwrap();
    let others = DatabaseRoles::new(&format!("s{number}")).unwrap();
    let create = format!("CREATE ROLE \"{}\" LOGIN", others.of_all_tenants());
    owner.execute_unprepared(&create).await.unwrap();
    let refused = share_with_tenants(&owner, &others, &["public.genre"]).await;
    assert!(matches!(refused, Err(TenantError::Configuration(_))));
    owner.close().await.unwrap();
}
