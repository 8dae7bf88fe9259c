//! Renames that are stopped, and others who want the new name meanwhile.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use sea_orm::ConnectionTrait as _;
use sea_orm_tenant::{
    ConnectionInfo, MemoryStore, PlacedPage, TenantDirectory, TenantError, TenantId, TenantInfo,
    TenantQuery, TenantRegistry, TenantStatus, TenantStore,
    migration::{Fleet, MigrationError, Migrations, ProvisionStep, Provisioned},
};
use tokio::sync::Notify;

use super::library::{First, Yard, genre};
use crate::support::{World, on_every_database};

on_every_database!(
    a_name_that_somebody_takes_meanwhile_is_his,
    nobody_makes_a_tenant_of_a_reserved_name,
    what_was_stopped_is_gone_on_with,
    a_tenant_in_maintenance_takes_nobodys_name,
);

/// A registry that lets something else happen once a tenant is in maintenance.
struct Watched {
    store: Arc<MemoryStore>,
    meanwhile: Mutex<Option<(TenantId, BoxFuture<'static, ()>)>>,
}

fn watched(
    yard: &Yard<'_>,
    whose: TenantId,
    meanwhile: impl Future<Output = ()> + Send + 'static,
) -> Fleet<Watched> {
    let watched = Watched {
        store: Arc::clone(&yard.store),
        meanwhile: Mutex::new(Some((whose, Box::pin(meanwhile)))),
    };
    Fleet::builder(watched, Migrations::of::<First<4>>().unwrap())
        .build()
        .unwrap()
}

#[async_trait::async_trait]
impl TenantStore for Watched {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.store.tenant(id).await
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.store.connection(id).await
    }
}

#[async_trait::async_trait]
impl TenantDirectory for Watched {
    async fn list_placed(&self, query: &TenantQuery) -> Result<PlacedPage, TenantError> {
        self.store.list_placed(query).await
    }
}

#[async_trait::async_trait]
impl TenantRegistry for Watched {
    async fn register(&self, info: TenantInfo, place: ConnectionInfo) -> Result<(), TenantError> {
        self.store.register(info, place).await
    }

    async fn change_status(&self, id: &TenantId, status: TenantStatus) -> Result<(), TenantError> {
        self.store.change_status(id, status).await?;
        let meanwhile = {
            let mut meanwhile = self.meanwhile.lock().unwrap();
            let is_now =
                |(whose, _): &mut (TenantId, _)| whose == id && status == TenantStatus::Maintenance;
            meanwhile.take_if(is_now)
        };
        if let Some((_, meanwhile)) = meanwhile {
            meanwhile.await;
        }
        Ok(())
    }

    async fn change_place(&self, id: &TenantId, place: ConnectionInfo) -> Result<(), TenantError> {
        self.store.change_place(id, place).await
    }

    async fn withdraw(&self, id: &TenantId) -> Result<(), TenantError> {
        self.store.withdraw(id).await
    }

    async fn forget(&self, id: &TenantId) -> Result<(), TenantError> {
        self.store.forget(id).await
    }
}

/// A tenant that is told apart from a new one: one of its two kinds is gone.
async fn make_before(yard: &Yard<'_>) {
    yard.make::<4>(&["before"]).await;
    let db = yard.db("before").await;
    db.execute_unprepared("DELETE FROM $tenant.kind WHERE id = 2")
        .await
        .unwrap();
}

async fn kinds(yard: &Yard<'_>, name: &str) -> usize {
    use sea_orm::EntityTrait as _;

    let db = yard.db(name).await;
    genre::Entity::find().all(&db).await.unwrap().len()
}

async fn status(yard: &Yard<'_>, name: &str) -> Option<TenantStatus> {
    let info = yard.store.tenant(&yard.id(name)).await;
    info.ok().map(|info| info.status)
}

/// He has entered the name, and not made the schema yet.
async fn a_name_that_somebody_takes_meanwhile_is_his(world: &World) {
    let yard = Yard::new(world);
    make_before(&yard).await;
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&entered), Arc::clone(&go));
    let provision = yard.provision("after").hook(move |event| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        Box::pin(async move {
            if event.step == ProvisionStep::Register && event.is_done {
                tell.notify_one();
                wait.notified().await;
            }
            Ok(())
        })
    });
    let making = Arc::new(Mutex::new(None));
    let (fleet, begun) = (yard.fleet::<4>(), Arc::clone(&making));
    let meanwhile = async move {
        let made = tokio::spawn(async move { fleet.provision(&provision).await });
        *begun.lock().unwrap() = Some(made);
        entered.notified().await;
    };
    let (before, after) = (yard.id("before"), yard.id("after"));
    let renamed = watched(&yard, before.clone(), meanwhile)
        .rename(&before, &after)
        .await;
    let error = renamed.unwrap_err();
    assert!(
        matches!(
            error,
            MigrationError::Tenant(TenantError::TenantExists { .. })
        ),
        "{error}"
    );
    go.notify_one();
    let making = making.lock().unwrap().take().unwrap();
    assert_eq!(making.await.unwrap().unwrap(), Provisioned::Made);
    assert_eq!(kinds(&yard, "after").await, 2, "its own");
    assert_eq!(kinds(&yard, "before").await, 1, "as it was");
}

async fn nobody_makes_a_tenant_of_a_reserved_name(world: &World) {
    let yard = Yard::new(world);
    make_before(&yard).await;
    let refused = Arc::new(Mutex::new(None));
    let (fleet, noted, provision) = (
        yard.fleet::<4>(),
        Arc::clone(&refused),
        yard.provision("after"),
    );
    let meanwhile = async move {
        let made = fleet.provision(&provision).await;
        *noted.lock().unwrap() = Some(made.unwrap_err());
    };
    let (before, after) = (yard.id("before"), yard.id("after"));
    watched(&yard, after.clone(), meanwhile)
        .rename(&before, &after)
        .await
        .unwrap();
    let refused = refused.lock().unwrap().take().unwrap();
    assert!(
        matches!(refused, MigrationError::WrongStatus { .. }),
        "{refused}"
    );
    assert_eq!(kinds(&yard, "after").await, 1);
    assert_eq!(status(&yard, "after").await, Some(TenantStatus::Active));
    assert_eq!(status(&yard, "before").await, None);
}

async fn what_was_stopped_is_gone_on_with(world: &World) {
    let yard = Yard::new(world);
    make_before(&yard).await;
    let (before, after) = (yard.id("before"), yard.id("after"));
    let maintenance = TenantStatus::Maintenance;
    // The name was reserved, and nothing moved.
    let mut reserved = TenantInfo::clone(&*yard.store.tenant(&before).await.unwrap());
    reserved.id = after.clone();
    yard.store
        .change_status(&before, maintenance)
        .await
        .unwrap();
    yard.store
        .register(reserved, yard.place("after"))
        .await
        .unwrap();
    let fleet = yard.fleet::<4>();
    fleet.rename(&before, &after).await.unwrap();
    assert_eq!(kinds(&yard, "after").await, 1);
    assert_eq!(status(&yard, "before").await, None);
    // All was moved, and the entries are as they were before.
    let mut former = TenantInfo::clone(&*yard.store.tenant(&after).await.unwrap());
    former.id = before.clone();
    yard.store
        .register(former, yard.place("before"))
        .await
        .unwrap();
    for id in [&before, &after] {
        yard.store.change_status(id, maintenance).await.unwrap();
    }
    fleet.rename(&before, &after).await.unwrap();
    assert_eq!(kinds(&yard, "after").await, 1);
    assert_eq!(status(&yard, "before").await, None);
}

async fn a_tenant_in_maintenance_takes_nobodys_name(world: &World) {
    let yard = Yard::new(world);
    make_before(&yard).await;
    yard.make::<4>(&["other"]).await;
    // One whose schema is not there now.
    yard.store.add(yard.id("lost"), &world.database).unwrap();
    let before = yard.id("before");
    let maintenance = TenantStatus::Maintenance;
    yard.store
        .change_status(&before, maintenance)
        .await
        .unwrap();
    for name in ["other", "lost"] {
        let renamed = yard.fleet::<4>().rename(&before, &yard.id(name)).await;
        let error = renamed.unwrap_err();
        assert!(
            matches!(
                error,
                MigrationError::Tenant(TenantError::TenantExists { .. })
            ),
            "{error}"
        );
        assert_eq!(status(&yard, name).await, Some(TenantStatus::Active));
    }
    assert_eq!(status(&yard, "before").await, Some(maintenance));
    assert_eq!(yard.is_there("before").await, (true, true));
}
