//! Migrations that want no transaction, and schemas that are made in steps, as Citus wants it.

use sea_orm::{ConnectionTrait as _, DbBackend, DbErr, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::{
    TenantContext, TenantStatus, TenantStore as _,
    migration::{Fleet, MigrationError, Provisioned, Reference, Run, Selection},
};

use super::library::{First, Yard};
use crate::support::{Server, World, on_every_database};

on_every_database!(
    it_is_applied_and_taken_back,
    a_tenant_is_made_with_it,
    a_failure_leaves_nothing,
    it_is_tried_in_a_scratch_schema_that_is_removed,
);

/// All that the library has, and an index that is made while others write.
struct Concurrently;

impl MigratorTrait for Concurrently {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut migrations = First::<4>::migrations();
        migrations.push(Box::new(Concurrently));
        migrations
    }
}

impl MigrationName for Concurrently {
    fn name(&self) -> &str {
        "m6_concurrently"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Concurrently {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if TenantContext::current()?.as_str().starts_with("broken") {
            return Err(DbErr::Custom("as it is called".to_owned()));
        }
        if manager.has_index("item", "item_due").await? {
            return Ok(());
        }
        let concurrently = match manager.get_database_backend() {
            DbBackend::Postgres => "CONCURRENTLY",
            _ => "",
        };
        let create = format!("CREATE INDEX {concurrently} item_due ON item (due)");
        manager.get_connection().execute_unprepared(&create).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut drop = Index::drop();
        drop.name("item_due").table("item");
        manager.drop_index(drop).await
    }
}

fn fleet(yard: &Yard<'_>) -> Fleet<std::sync::Arc<sea_orm_tenant::MemoryStore>> {
    yard.builder::<Concurrently>().build().unwrap()
}

async fn versions(yard: &Yard<'_>) -> Vec<String> {
    let status = fleet(yard).status(&Selection::All).await.unwrap();
    status
        .iter()
        .map(|tenant| tenant.version.to_string())
        .collect()
}

async fn has_drifted(yard: &Yard<'_>) -> Vec<String> {
    let drift = fleet(yard)
        .drift(&Selection::All, &Reference::Migrations)
        .await
        .unwrap();
    let with = drift
        .iter()
        .filter(|tenant| !tenant.drift.as_ref().unwrap().is_empty());
    with.map(ToString::to_string).collect()
}

async fn it_is_applied_and_taken_back(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["a", "b"]).await;
    let report = fleet(&yard).up(&Run::default()).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.counts().succeeded, 2);
    assert_eq!(versions(&yard).await, ["up to date"; 2]);
    assert!(has_drifted(&yard).await.is_empty());
    let report = fleet(&yard).down(&Run::default()).await.unwrap();
    assert_eq!(report.counts().succeeded, 2, "{report:?}");
    assert_eq!(versions(&yard).await, ["behind by m6_concurrently"; 2]);
    assert!(has_drifted(&yard).await.is_empty());
}

async fn a_tenant_is_made_with_it(world: &World) {
    let yard = Yard::new(world);
    let fleet = fleet(&yard);
    assert_eq!(
        fleet.provision(&yard.provision("new")).await.unwrap(),
        Provisioned::Made
    );
    assert_eq!(
        fleet.provision(&yard.provision("new")).await.unwrap(),
        Provisioned::AlreadyThere
    );
    assert_eq!(versions(&yard).await, ["up to date"]);
    // Nothing tells of how it was made.
    assert!(has_drifted(&yard).await.is_empty());
    assert!(!has_table(&yard, "new", "seaql_migrations_unfinished").await);
}

async fn has_table(yard: &Yard<'_>, name: &str, table: &str) -> bool {
    let place = yard.store.connection(&yard.id(name)).await.unwrap();
    let db = yard
        .world
        .tenancy
        .dedicated_connection_to(&place)
        .await
        .unwrap();
    let has = SchemaManager::new(&db).has_table(table).await.unwrap();
    db.close().await.unwrap();
    has
}

async fn a_failure_leaves_nothing(world: &World) {
    let yard = Yard::new(world);
    let error = fleet(&yard)
        .provision(&yard.provision("broken"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            MigrationError::Migration { .. } | MigrationError::HalfApplied { .. }
        ),
        "{error}"
    );
    assert_eq!(yard.is_there("broken").await, (false, false));
    let seed = yard
        .provision("new")
        .seed(|_| Box::pin(async { Err("no".into()) }));
    fleet(&yard).provision(&seed).await.unwrap_err();
    assert_eq!(yard.is_there("new").await, (false, false));
}

async fn it_is_tried_in_a_scratch_schema_that_is_removed(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["a"]).await;
    if world.server == Server::Postgres {
        // Somebody was killed while he tried.
        let shared = world.tenancy.shared().await.unwrap();
        for schema in [
            "CREATE SCHEMA \"scratch-0-0-0\"",
            "CREATE TABLE \"scratch-0-0-0\".tenant_migration_scratch (nothing integer)",
            // Somebody's, who calls it so.
            "CREATE SCHEMA \"scratch-lab\"",
        ] {
            shared.execute_unprepared(schema).await.unwrap();
        }
    }
    let plans = fleet(&yard).plan_up(&Selection::All, None).await.unwrap();
    let statements = &plans[0].migrations[1].statements;
    // SQLite's driver tells nobody of what is not prepared.
    if world.server != Server::Sqlite {
        let sql = statements.join("\n");
        assert!(sql.contains("item_due"), "{sql}");
    }
    if world.server == Server::Postgres {
        let shared = world.tenancy.shared().await.unwrap();
        let select = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'scratch-%'";
        let select = Statement::from_string(DbBackend::Postgres, select);
        let rows = shared.query_all_raw(select).await.unwrap();
        let names: Vec<String> = rows
            .iter()
            .map(|row| row.try_get_by_index(0).unwrap())
            .collect();
        assert_eq!(names, ["scratch-lab"]);
    }
}

async fn on_postgres(test: impl AsyncFnOnce(&World)) {
    World::run(Server::Postgres, test).await;
}

/// On Citus itself, where TEST_POSTGRES_URL is one; else that the steps are those it wants.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_citus_a_schema_is_committed_before_its_tables() {
    on_postgres(async |world| {
        let yard = Yard::new(world);
        let fleet = yard.builder::<First<4>>().citus(true).build().unwrap();
        let shared = world.tenancy.shared().await.unwrap();
        let place = yard.place("new");
        let schema = place.schema().to_string();
        let seen = std::sync::Arc::new(std::sync::Mutex::new(None));
        let noted = seen.clone();
        let provision = yard.provision("new").hook(move |event| {
            let (shared, schema, noted) = (shared.clone(), schema.clone(), noted.clone());
            Box::pin(async move {
                use sea_orm_tenant::migration::ProvisionStep;
                if event.step == ProvisionStep::Migrate && !event.is_done {
                    let select = "SELECT count(*) FROM pg_namespace WHERE nspname = $1";
                    let select = Statement::from_sql_and_values(
                        DbBackend::Postgres,
                        select,
                        [schema.into()],
                    );
                    let row = shared.query_one_raw(select).await?.ok_or("no row")?;
                    *noted.lock().unwrap() = Some(row.try_get_by_index::<i64>(0)?);
                }
                Ok(())
            })
        });
        assert_eq!(
            fleet.provision(&provision).await.unwrap(),
            Provisioned::Made
        );
        assert_eq!(
            *seen.lock().unwrap(),
            Some(1),
            "another connection sees the schema"
        );
        assert_eq!(
            yard.store.tenant(&yard.id("new")).await.unwrap().status,
            TenantStatus::Active
        );
        let status = fleet.status(&Selection::All).await.unwrap();
        assert_eq!(status[0].version.to_string(), "up to date");
        let broken = yard
            .provision("other")
            .seed(|_| Box::pin(async { Err("no".into()) }));
        fleet.provision(&broken).await.unwrap_err();
        assert_eq!(yard.is_there("other").await, (false, false));
    })
    .await;
}

/// By a program for Citus, and then by one that is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_in_steps_is_completed_in_steps() {
    on_postgres(async |world| {
        let yard = Yard::new(world);
        yard.make::<4>(&["new"]).await;
        yard.store.remove(&yard.id("new"));
        let db = world.tenancy.shared().await.unwrap();
        let schema = yard.place("new").schema().quoted(DbBackend::Postgres);
        let begun = format!("CREATE TABLE {schema}.seaql_migrations_unfinished (nothing integer)");
        db.execute_unprepared(&begun).await.unwrap();
        let seeded = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let noted = seeded.clone();
        let provision = yard.provision("new").seed(move |_| {
            noted.store(true, std::sync::atomic::Ordering::Relaxed);
            Box::pin(async { Ok(()) })
        });
        yard.fleet::<4>().provision(&provision).await.unwrap();
        assert!(seeded.load(std::sync::atomic::Ordering::Relaxed));
        assert!(!has_table(&yard, "new", "seaql_migrations_unfinished").await);
    })
    .await;
}

/// A migration that panics where nothing is rolled back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_leaves_no_scratch_schema() {
    struct Panics;

    impl MigratorTrait for Panics {
        fn migrations() -> Vec<Box<dyn MigrationTrait>> {
            let mut migrations = Concurrently::migrations();
            migrations.push(Box::new(Panics));
            migrations
        }
    }

    impl MigrationName for Panics {
        fn name(&self) -> &str {
            "m7_panics"
        }
    }

    #[async_trait::async_trait]
    impl MigrationTrait for Panics {
        async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
            panic!("on purpose")
        }
    }

    on_postgres(async |world| {
        let yard = Yard::new(world);
        yard.make::<4>(&["a"]).await;
        let fleet = yard.builder::<Panics>().build().unwrap();
        let error = fleet.plan_up(&Selection::All, None).await.unwrap_err();
        assert_eq!(error.to_string(), "it panicked: on purpose");
        let shared = world.tenancy.shared().await.unwrap();
        let select = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'scratch-%'";
        let select = Statement::from_string(DbBackend::Postgres, select);
        let row = shared.query_one_raw(select).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 0);
    })
    .await;
}

/// Killed at each of its waits, and done again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_begun_in_steps_is_completed() {
    on_postgres(async |world| {
        let yard = Yard::new(world);
        for polls in (1..60).step_by(3) {
            let name = format!("new{polls}");
            let fleet = || {
                let fleet = yard.builder::<Concurrently>();
                fleet
                    .lock_timeout(std::time::Duration::from_secs(10))
                    .build()
                    .unwrap()
            };
            let provision = yard.provision(&name);
            let (first, mut left) = (fleet(), polls);
            let mut making = Box::pin(first.provision(&provision));
            std::future::poll_fn(|context| {
                if left == 0 {
                    return std::task::Poll::Ready(());
                }
                left -= 1;
                making.as_mut().poll(context).map(|_| ())
            })
            .await;
            drop(making);
            fleet().provision(&provision).await.unwrap();
            assert!(!has_table(&yard, &name, "seaql_migrations_unfinished").await);
        }
        assert_eq!(versions(&yard).await, ["up to date"; 20]);
        assert!(has_drifted(&yard).await.is_empty());
    })
    .await;
}
