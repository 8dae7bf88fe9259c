//! A tenant in a database of its own, next to those who share one.

use sea_orm::{ConnectionTrait as _, EntityTrait as _, TransactionTrait as _};
use sea_orm_tenant::{
    ConnectionInfo, DatabaseUrl, MemoryStore, Placement, Tenancy, TenantContext, TenantError,
    TenantId, TenantInfo, TenantStore as _,
};

use super::super::rows::{add, names};
use crate::support::{Server, World, entities::author, on_every_database};

on_every_database!(
    the_same_code_works_in_a_dedicated_database,
    a_dedicated_connection_to_a_dedicated_database_is_the_tenants,
);

/// As an application writes it.
async fn work(world: &World, name: &str) -> Result<Vec<String>, TenantError> {
    let db = world.tenancy.current().await?;
    let transaction = db.begin().await?;
    add(&transaction, name).await?;
    transaction.commit().await?;
    let insert = format!("INSERT INTO $tenant.author (name) VALUES ('raw {name}')");
    db.execute_unprepared(&insert).await?;
    Ok(names(&db).await?)
}

async fn the_same_code_works_in_a_dedicated_database(world: &World) {
    let dedicated = dedicated(world).await;
    for id in [&dedicated, &world.acme, &world.globex] {
        let name = format!("of {id}");
        let found = TenantContext::scope(id.clone(), work(world, &name)).await;
        assert_eq!(found.unwrap(), [name.clone(), format!("raw {name}")]);
    }
    let placed = world.store.connection(&dedicated).await.unwrap();
    assert_eq!(placed.placement(), Placement::Dedicated);
    let expected = match world.server {
        Server::Postgres => "public".to_owned(),
        Server::MySql => format!("tenant_{dedicated}"),
        Server::Sqlite => "main".to_owned(),
    };
    assert_eq!(placed.schema().as_str(), expected);
    remove(world, &dedicated).await;
}

async fn a_dedicated_connection_to_a_dedicated_database_is_the_tenants(world: &World) {
    let dedicated = dedicated(world).await;
    let db = world
        .tenancy
        .dedicated_connection(&dedicated)
        .await
        .unwrap();
    let insert = "INSERT INTO author (name) VALUES ('Verne')";
    db.execute_unprepared(insert).await.unwrap();
    db.close().await.unwrap();
    let db = world.tenancy.for_tenant(&dedicated).await.unwrap();
    assert_eq!(names(&db).await.unwrap(), ["Verne"]);
    author::Entity::delete_many().exec(&db).await.unwrap();
    drop(db);
    remove(world, &dedicated).await;
}

/// A tenant with a database of its own, and an empty author table in it.
async fn dedicated(world: &World) -> TenantId {
    let id = TenantId::try_from(format!("own-{}", world.acme)).unwrap();
    let name = format!("tenant_{id}");
    let url = match world.server {
        Server::Sqlite => DatabaseUrl::sqlite(world.path().join("own.sqlite")).unwrap(),
        // `create_schema` makes it: there is no database yet to connect to.
        Server::MySql => {
            let mut url = url::Url::parse(world.database.expose()).unwrap();
            url.set_path(&name);
            DatabaseUrl::new(url.to_string()).unwrap()
        }
        Server::Postgres => {
            let shared = world.tenancy.shared().await.unwrap();
            let create = format!("CREATE DATABASE {}", world.server.quote(&name));
            shared.execute_unprepared(&create).await.unwrap();
            let mut url = url::Url::parse(world.database.expose()).unwrap();
            url.set_path(&name);
            DatabaseUrl::new(url.to_string()).unwrap()
        }
    };
    let placed = ConnectionInfo::dedicated(&url).unwrap();
    world
        .store
        .insert(TenantInfo::active(id.clone()), placed)
        .unwrap();
    let db = world.tenancy.create_schema(&id).await.unwrap();
    let tables = db.get_schema_builder().register(author::Entity);
    tables.apply(&db).await.unwrap();
    id
}

/// The world removes what is left on MySQL, and the directory on SQLite.
async fn remove(world: &World, id: &TenantId) {
    if world.server == Server::Postgres {
        let shared = world.tenancy.shared().await.unwrap();
        let name = world.server.quote(&format!("tenant_{id}"));
        let drop = format!("DROP DATABASE {name} WITH (FORCE)");
        shared.execute_unprepared(&drop).await.unwrap();
    }
}

#[tokio::test]
async fn mariadb_has_a_scheme_of_its_own() {
    World::run(Server::MySql, async |world| {
        let url = world.database.expose().replacen("mysql:", "mariadb:", 1);
        let store = MemoryStore::new();
        store
            .add(world.acme.clone(), &DatabaseUrl::new(url).unwrap())
            .unwrap();
        let tenancy = Tenancy::builder().store(store).build().unwrap();
        let db = tenancy.for_tenant(&world.acme).await.unwrap();
        db.ping().await.unwrap();
    })
    .await;
}
