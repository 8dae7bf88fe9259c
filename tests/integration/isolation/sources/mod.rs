//! Data sources open late, once, and never more of them than allowed; whoever uses one keeps it.

mod bounded;
mod contended;
mod dropped;
mod opened;
mod placed;
mod proxy;
mod sqlite;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sea_orm_tenant::{
    ConnectionInfo, DatabaseUrl, MemoryStore, TenancyBuilder, TenantId, TenantInfo,
};

use crate::support::{Server, World};

/// The world's three tenants, each in a data source of its own. On a server they are the same
/// database under URLs that differ in a harmless setting.
pub(crate) fn apart(world: &World) -> MemoryStore {
    let store = MemoryStore::new();
    for (number, tenant) in [&world.acme, &world.globex, &world.planted]
        .into_iter()
        .enumerate()
    {
        place(&store, tenant, &variant(world, number));
    }
    store
}

fn place(store: &MemoryStore, tenant: &TenantId, url: &DatabaseUrl) {
    let info = TenantInfo::active(tenant.clone());
    store
        .insert(info, ConnectionInfo::shared(url, tenant))
        .unwrap();
}

fn variant(world: &World, number: usize) -> DatabaseUrl {
    if world.server == Server::Sqlite {
        return world.database.clone();
    }
    let mut url = url::Url::parse(world.database.expose()).unwrap();
    let capacity = (100 + number).to_string();
    url.query_pairs_mut()
        .append_pair("statement-cache-capacity", &capacity);
    DatabaseUrl::new(url.to_string()).unwrap()
}

/// Counts how many data sources are opened.
fn counted(builder: TenancyBuilder) -> (TenancyBuilder, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let count = opened.clone();
    let builder = builder.configure(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    (builder, opened)
}
