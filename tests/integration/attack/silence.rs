//! Connections on which nothing is ever said again, and which nobody closes: a firewall forgot them.

use std::time::Duration;

use sea_orm::TransactionTrait as _;
use sea_orm_tenant::{DatabaseUrl, MemoryStore, Tenancy, TenantId};
use tenant_testkit::{MariaDb, Postgres};
use tokio::time::timeout;

use super::network::Network;
use crate::{
    isolation::rows::{add, names},
    support::entities::author,
};

const ACME: TenantId = TenantId::from_static("acme");

/// Far beyond what is waited for, and far below what TCP would wait.
const AT_MOST: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_to_postgres_is_replaced() {
    let server = Postgres::builder().start().unwrap();
    is_replaced(server.url(), server.port()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_to_mariadb_is_replaced() {
    let server = MariaDb::builder().start().unwrap();
    is_replaced(server.url(), server.port()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenancy_closes_although_its_connections_to_postgres_are_silent() {
    let server = Postgres::builder().start().unwrap();
    closes(server.url(), server.port()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenancy_closes_although_its_connections_to_mariadb_are_silent() {
    let server = MariaDb::builder().start().unwrap();
    closes(server.url(), server.port()).await;
}

async fn is_replaced(url: &DatabaseUrl, port: u16) {
    let (network, tenancy) = behind_a_network(url, port).await;
    let acme = tenancy.for_tenant(&ACME).await.unwrap();
    for name in ["Verne", "Wells"] {
        timeout(AT_MOST, add(&acme, name)).await.unwrap().unwrap();
        network.silence();
    }
    let found = timeout(AT_MOST, names(&acme)).await.unwrap();
    assert_eq!(found.unwrap(), ["Verne", "Wells"]);
    timeout(AT_MOST, tenancy.close()).await.unwrap();
}

async fn closes(url: &DatabaseUrl, port: u16) {
    let (network, tenancy) = behind_a_network(url, port).await;
    let acme = tenancy.for_tenant(&ACME).await.unwrap();
    // Its connection is given back to the driver, which waits for a sign of life.
    let transaction = acme.begin().await.unwrap();
    add(&transaction, "Verne").await.unwrap();
    network.silence();
    drop(transaction);
    timeout(AT_MOST, tenancy.close()).await.unwrap();
}

/// One connection, which is asked for a sign of life before each statement.
async fn behind_a_network(url: &DatabaseUrl, port: u16) -> (Network, Tenancy) {
    let network = Network::to(port).await;
    let mut url = url::Url::parse(url.expose()).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(network.port())).unwrap();
    let store = MemoryStore::new();
    let url = DatabaseUrl::new(url.to_string()).unwrap();
    store.add(ACME, &url).unwrap();
    let tenancy = Tenancy::builder()
        .store(store)
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(1))
        .configure(|options| {
            options.test_before_acquire_if_idle_for(Duration::ZERO);
        })
        .build()
        .unwrap();
    let db = tenancy.create_schema(&ACME).await.unwrap();
    let tables = db.get_schema_builder().register(author::Entity);
    tables.apply(&db).await.unwrap();
    (network, tenancy)
}
