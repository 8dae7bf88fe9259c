//! Identifiers are cut at 63 bytes by PostgreSQL: no two tenants are the same up to there.

use sea_orm_tenant::{ConnectionInfo, DatabaseUrl, SchemaName, TenantId};

use crate::{
    isolation::rows::{add, names},
    support::{World, entities::author, on_every_database},
};

on_every_database!(the_longest_names_are_told_apart_by_their_last_byte);

async fn the_longest_names_are_told_apart_by_their_last_byte(world: &World) {
    let number = world.acme.as_str().strip_prefix("acme-").unwrap();
    let beginning = format!("{number}-{}", "x".repeat(55))[..55].to_owned();
    let tenants = ["a", "b"].map(|last| TenantId::try_from(format!("{beginning}{last}")).unwrap());
    for tenant in &tenants {
        assert_eq!(
            SchemaName::for_tenant(tenant).as_str().len(),
            SchemaName::MAX_LEN
        );
        world.store.add(tenant.clone(), &world.database).unwrap();
        let db = world.tenancy.create_schema(tenant).await.unwrap();
        let tables = db.get_schema_builder().register(author::Entity);
        tables.apply(&db).await.unwrap();
        assert!(
            names(&db).await.unwrap().is_empty(),
            "it has somebody else's rows"
        );
        add(&db, tenant.as_str()).await.unwrap();
    }
    for tenant in &tenants {
        let db = world.tenancy.for_tenant(tenant).await.unwrap();
        assert_eq!(names(&db).await.unwrap(), [tenant.as_str()]);
    }
}

#[test]
fn what_a_server_would_cut_is_refused() {
    for length in 57..300 {
        assert!(TenantId::try_from("x".repeat(length)).is_err(), "{length}");
    }
    for length in 64..300 {
        assert!(
            SchemaName::try_from("x".repeat(length)).is_err(),
            "{length}"
        );
        assert!(
            SchemaName::in_dedicated_database(&"x".repeat(length)).is_err(),
            "{length}"
        );
    }
}

/// A database of a tenant's own is named by its URL, of which PostgreSQL reads 63 bytes, too.
#[test]
fn two_databases_with_one_beginning_are_not_taken_for_two() {
    let own = |database: &str| {
        let url = DatabaseUrl::new(format!("postgres://app@localhost/{database}")).unwrap();
        ConnectionInfo::dedicated(&url)
    };
    let beginning = "d".repeat(62);
    let (one, other) = (own(&format!("{beginning}1")), own(&format!("{beginning}2")));
    assert!(!one.unwrap().overlaps(&other.unwrap()));
    for longer in ["12", "%31%32", "1?dbname=", "\u{e9}"] {
        let database = match longer {
            "1?dbname=" => format!("short?dbname={beginning}12"),
            longer => format!("{beginning}{longer}"),
        };
        own(&database).expect_err(&database);
    }
}
