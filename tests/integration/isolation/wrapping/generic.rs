//! In code that is generic over SeaORM's traits, in `async_trait` code, and in other tasks.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    RestrictedConnection, TransactionSession, TransactionTrait,
};
use sea_orm_tenant::{
    DatabaseUrl, MemoryStore, SourceConnection, SourceTransaction, Tenancy, TenantConnection,
    TenantContext, TenantError, TenantId,
};

use super::super::rows::{add, names};
use crate::support::{World, entities::author, on_every_database};

on_every_database!(
    generic_functions_take_it,
    trait_objects_of_the_application_use_it,
    support_returning_is_the_databases,
    its_futures_run_in_other_tasks,
);

/// As an application writes it, knowing nothing of tenants.
async fn replace<C: ConnectionTrait + TransactionTrait>(db: &C, name: &str) -> Result<(), DbErr> {
    let transaction = db.begin().await?;
    author::Entity::delete_many().exec(&transaction).await?;
    nested(&transaction, name).await?;
    transaction.commit().await
}

/// SeaORM's transactions are transactions of transactions, and so must ours be.
async fn nested<T>(db: &T, name: &str) -> Result<(), DbErr>
where
    T: ConnectionTrait + TransactionTrait<Transaction = T>,
    T: TransactionSession,
{
    let savepoint: T = db.begin().await?;
    add(&savepoint, name).await?;
    savepoint.commit().await
}

async fn generic_functions_take_it(world: &World) {
    let (acme, globex) = (world.acme().await, world.globex().await);
    add(&globex, "Globex's").await.unwrap();
    add(&acme, "Acme's").await.unwrap();
    replace(&acme, "replaced").await.unwrap();
    let transaction = acme.begin().await.unwrap();
    replace(&transaction, "replaced again").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(names(&acme).await.unwrap(), ["replaced again"]);
    assert_eq!(names(&globex).await.unwrap(), ["Globex's"]);
}

#[async_trait::async_trait]
trait Library: Send + Sync {
    async fn authors(&self) -> Result<Vec<String>, TenantError>;
}

struct Tenants(Tenancy);

#[async_trait::async_trait]
impl Library for Tenants {
    async fn authors(&self) -> Result<Vec<String>, TenantError> {
        let db = self.0.current().await?;
        let found = db.transaction::<_, _, DbErr>(|transaction| {
            Box::pin(async move { names(transaction).await })
        });
        match found.await {
            Ok(found) => Ok(found),
            Err(error) => Err(DbErr::Custom(error.to_string()).into()),
        }
    }
}

async fn trait_objects_of_the_application_use_it(world: &World) {
    let library: Box<dyn Library> = Box::new(Tenants(world.tenancy.clone()));
    add(&world.acme().await, "Verne").await.unwrap();
    let found = TenantContext::scope(world.acme.clone(), library.authors()).await;
    assert_eq!(found.unwrap(), ["Verne"]);
    let found = TenantContext::scope(world.globex.clone(), library.authors()).await;
    assert!(found.unwrap().is_empty());
    assert!(matches!(
        library.authors().await,
        Err(TenantError::NoTenant)
    ));
}

async fn support_returning_is_the_databases(world: &World) {
    let (plain, schema, _) = world.recorded_database(&world.acme, 1).await;
    let acme = world.acme().await;
    assert_eq!(acme.support_returning(), plain.support_returning());
    assert!(!acme.is_mock_connection());
    let borrowed = TenantConnection::borrow(&plain, world.acme.clone(), schema);
    assert_eq!(borrowed.support_returning(), plain.support_returning());
    let transaction = acme.begin().await.unwrap();
    assert_eq!(transaction.support_returning(), plain.support_returning());
    acme.ping().await.unwrap();
    acme.close().await.unwrap();
}

async fn its_futures_run_in_other_tasks(world: &World) {
    let (tenancy, acme) = (world.tenancy.clone(), world.acme.clone());
    let task = tokio::spawn(async move {
        let db = tenancy.for_tenant(&acme).await?;
        let transaction = db.begin().await?;
        add(&transaction, "Verne").await?;
        transaction.commit().await?;
        db.transaction_async::<_, (), DbErr>(async |transaction| {
            add(transaction, "Wells").await?;
            Ok(())
        })
        .await
        .map_err(|error| DbErr::Custom(error.to_string()))?;
        Ok::<_, TenantError>(names(&db).await?)
    });
    assert_eq!(task.await.unwrap().unwrap(), ["Verne", "Wells"]);
}

const ACME: TenantId = TenantId::from_static("acme");

fn crosses_threads<T: Send + Sync + 'static>() {}
fn is_sent<T: Send>(future: T) -> T {
    future
}

#[test]
fn types_cross_threads() {
    crosses_threads::<Tenancy>();
    crosses_threads::<MemoryStore>();
    crosses_threads::<DatabaseUrl>();
    crosses_threads::<TenantError>();
    crosses_threads::<SourceConnection>();
    crosses_threads::<TenantConnection>();
    crosses_threads::<TenantConnection<DatabaseConnection>>();
    crosses_threads::<TenantConnection<DatabaseTransaction>>();
    crosses_threads::<TenantConnection<SourceTransaction>>();
    crosses_threads::<TenantConnection<RestrictedConnection>>();
}

/// Compiled, and never polled.
#[test]
fn futures_are_sent() {
    fn of_a_tenancy(tenancy: &Tenancy, id: &TenantId) {
        drop(is_sent(tenancy.current()));
        drop(is_sent(tenancy.for_tenant(id)));
        drop(is_sent(tenancy.create_schema(id)));
        drop(is_sent(tenancy.dedicated_connection(id)));
        drop(is_sent(tenancy.shared()));
        drop(is_sent(tenancy.close()));
    }
    fn of_a_connection(db: &TenantConnection) {
        drop(is_sent(author::Entity::find().stream(db)));
        drop(is_sent(names(db)));
        drop(is_sent(db.begin()));
        drop(is_sent(
            db.transaction::<_, (), DbErr>(|_| Box::pin(async { Ok(()) })),
        ));
    }
    let _ = of_a_tenancy;
    let _ = of_a_connection;
    drop(is_sent(TenantContext::scope(ACME, async {})));
}
