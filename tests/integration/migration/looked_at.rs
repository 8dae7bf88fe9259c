//! What is found out without changing a tenant: drift of the fleet, plans, versions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{App, HttpResponse, web};
use sea_orm::{ConnectionTrait as _, Statement};
use sea_orm_tenant::{
    CachedStore, ConnectionInfo, MemoryStore, TenantError, TenantId, TenantInfo, TenantStore,
    actix::TenantMiddleware,
    migration::{MigrationError, Migrations, Reference, Run, Selection, VersionGate, lint::Lint},
};

use super::library::{First, Yard};
use crate::support::{Server, World, on_every_database};

on_every_database!(
    drift_is_from_the_tenants_own_version_or_from_another_tenant,
    a_plan_says_what_would_be_done_and_does_nothing,
    a_migration_that_cannot_be_tried_leaves_no_scratch_schema,
    what_cannot_be_heard_is_not_planned,
    who_is_behind_is_not_served_until_migrated,
    many_requests_of_who_is_behind_ask_seldom,
    the_lint_reads_what_the_migrations_send,
);

/// Scratch schemas that are there, of whoever.
async fn scratch_schemas(world: &World) -> Vec<String> {
    if world.server == Server::Sqlite {
        return Vec::new();
    }
    let shared = world.tenancy.shared().await.unwrap();
    // Other tests have theirs, on MySQL: their names have the process and a count.
    let select = format!(
        "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'scratch-{}-%'",
        std::process::id()
    );
    let select = Statement::from_string(world.server.backend(), select);
    let rows = shared.query_all_raw(select).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

async fn drift_is_from_the_tenants_own_version_or_from_another_tenant(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["behind"]).await;
    yard.make::<4>(&["current", "drifted"]).await;
    let db = yard.db("drifted").await;
    db.execute_unprepared("ALTER TABLE $tenant.item ADD COLUMN extra integer")
        .await
        .unwrap();
    db.execute_unprepared("CREATE TABLE $tenant.left_over (id integer)")
        .await
        .unwrap();
    let fleet = yard.fleet::<4>();
    let lines = |drift: &[sea_orm_tenant::migration::TenantDrift]| -> Vec<Vec<String>> {
        drift
            .iter()
            .map(|tenant| {
                let drift = tenant.drift.as_ref().unwrap().to_string();
                drift.lines().map(str::to_owned).collect()
            })
            .collect()
    };
    let drift = fleet
        .drift(&Selection::All, &Reference::Migrations)
        .await
        .unwrap();
    let drift = lines(&drift);
    assert!(drift[0].is_empty() && drift[1].is_empty(), "{drift:?}");
    assert_eq!(drift[2].len(), 2, "{drift:?}");
    assert!(
        drift[2].iter().any(|line| line.contains("extra")),
        "{drift:?}"
    );
    assert!(
        drift[2].iter().any(|line| line.contains("left_over")),
        "{drift:?}"
    );
    let reference = Reference::Tenant(yard.id("current"));
    let drift = fleet.drift(&Selection::All, &reference).await.unwrap();
    let drift = lines(&drift);
    assert_eq!(drift[0].len(), 1, "{drift:?}");
    assert!(drift[0][0].contains("due"), "{drift:?}");
    assert!(drift[1].is_empty());
}

async fn a_plan_says_what_would_be_done_and_does_nothing(world: &World) {
    let yard = Yard::new(world);
    yard.make::<2>(&["a"]).await;
    yard.make::<3>(&["b", "c"]).await;
    yard.make::<4>(&["d"]).await;
    let fleet = yard.fleet::<4>();
    let before = fleet.status(&Selection::All).await.unwrap();
    let plans = fleet.plan_up(&Selection::All, None).await.unwrap();
    let tenants: Vec<Vec<_>> = plans.iter().map(|plan| plan.tenants.clone()).collect();
    assert!(tenants.contains(&vec![yard.id("a")]), "{tenants:?}");
    assert!(
        tenants.contains(&vec![yard.id("b"), yard.id("c")]),
        "{tenants:?}"
    );
    assert_eq!(plans.len(), 2);
    let of_b = plans.iter().find(|plan| plan.tenants.len() == 2).unwrap();
    assert_eq!(of_b.migrations.len(), 1);
    assert_eq!(&*of_b.migrations[0].migration, "m4_due");
    let sql = of_b.migrations[0].statements.join("\n");
    assert!(sql.contains("ALTER TABLE") && sql.contains("due"), "{sql}");
    assert!(!sql.contains("scratch-"), "{sql}");
    let down = fleet
        .plan_down(&Selection::parse(&["d*"]).unwrap(), 1)
        .await
        .unwrap();
    let sql = down[0].migrations[0].statements.join("\n");
    assert!(sql.contains("DROP COLUMN"), "{sql}");
    let after = fleet.status(&Selection::All).await.unwrap();
    let versions = |status: &[sea_orm_tenant::migration::SchemaStatus]| -> Vec<String> {
        status
            .iter()
            .map(|tenant| tenant.version.to_string())
            .collect()
    };
    assert_eq!(versions(&before), versions(&after));
}

async fn a_migration_that_cannot_be_tried_leaves_no_scratch_schema(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["a"]).await;
    let fleet = yard.builder::<Broken>().build().unwrap();
    let error = fleet.plan_up(&Selection::All, None).await.unwrap_err();
    assert!(matches!(error, MigrationError::Migration { .. }), "{error}");
    let fleet = yard.builder::<Panics>().build().unwrap();
    let error = fleet.plan_up(&Selection::All, None).await.unwrap_err();
    assert_eq!(error.to_string(), "it panicked: on purpose");
    if world.server == Server::Postgres {
        assert!(scratch_schemas(world).await.is_empty());
    }
}

/// Drivers tell of raw SQL in their log, and of nothing when that is off.
async fn what_cannot_be_heard_is_not_planned(world: &World) {
    if world.server == Server::Sqlite {
        // It never tells.
        return;
    }
    let yard = Yard::new(world);
    yard.make::<3>(&["a"]).await;
    let silent = world.tenancy().store(yard.store.clone());
    let silent = silent.configure(|options| {
        options.sqlx_logging(false);
    });
    let fleet = yard.builder::<First<4>>().tenancy(silent.build().unwrap());
    let fleet = fleet.build().unwrap();
    let error = fleet.plan_up(&Selection::All, None).await.unwrap_err();
    assert!(matches!(error, MigrationError::Configuration(_)), "{error}");
    assert!(error.to_string().contains("sqlx_logging"), "{error}");
    let drift = fleet.drift(&Selection::All, &Reference::Migrations).await;
    assert!(drift.unwrap()[0].drift.is_ok(), "needs none of it");
}

struct Broken;

impl sea_orm_migration::MigratorTrait for Broken {
    fn migrations() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
        let mut migrations = <First<4> as sea_orm_migration::MigratorTrait>::migrations();
        migrations.push(Box::new(Fails("m6_fails", false)));
        migrations
    }
}

struct Panics;

impl sea_orm_migration::MigratorTrait for Panics {
    fn migrations() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
        let mut migrations = <First<4> as sea_orm_migration::MigratorTrait>::migrations();
        migrations.push(Box::new(Fails("m6_panics", true)));
        migrations
    }
}

struct Fails(&'static str, bool);

impl sea_orm_migration::MigrationName for Fails {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl sea_orm_migration::MigrationTrait for Fails {
    async fn up(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), sea_orm::DbErr> {
        assert!(!self.1, "on purpose");
        manager
            .get_connection()
            .execute_unprepared("no SQL")
            .await?;
        Ok(())
    }
}

/// A gate remembers for a moment whom it refused.
pub async fn until_served<T, F: Future<Output = Result<T, TenantError>>>(
    mut ask: impl FnMut() -> F,
) -> T {
    loop {
        match ask().await {
            Err(TenantError::Migrating { .. }) => tokio::task::yield_now().await,
            served => return served.unwrap(),
        }
    }
}

async fn many_requests_of_who_is_behind_ask_seldom(world: &World) {
    const REQUESTS: usize = 500;
    let yard = Yard::new(world);
    yard.make::<3>(&["behind"]).await;
    let looked_up = Arc::new(AtomicUsize::new(0));
    let store = Counting(yard.store.clone(), looked_up.clone());
    let migrations = Migrations::of::<First<4>>().unwrap();
    let gate = VersionGate::builder(store, migrations).build().unwrap();
    for _ in 0..REQUESTS {
        let error = gate.tenant(&yard.id("behind")).await.unwrap_err();
        assert!(matches!(error, TenantError::Migrating { .. }), "{error}");
    }
    // Where it is is asked before its version is, and each second at most.
    let looked_up = looked_up.load(Ordering::Relaxed);
    assert!((1..REQUESTS / 2).contains(&looked_up), "{looked_up}");
}

/// Counts how often it is asked where a tenant is.
struct Counting(Arc<MemoryStore>, Arc<AtomicUsize>);

#[async_trait::async_trait]
impl TenantStore for Counting {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.0.tenant(id).await
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.connection(id).await
    }
}

async fn who_is_behind_is_not_served_until_migrated(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["behind"]).await;
    yard.make::<4>(&["current"]).await;
    yard.store.add(world.acme.clone(), &world.database).unwrap();
    let gate = |minimum: Option<&'static str>| {
        let migrations = Migrations::of::<First<4>>().unwrap();
        let gate = VersionGate::builder(yard.store.clone(), migrations);
        match minimum {
            Some(minimum) => gate.minimum(minimum).build(),
            None => gate.build(),
        }
    };
    let tenancy = world
        .tenancy()
        .store(
            CachedStore::builder(gate(None).unwrap())
                .info_lifetime(Duration::from_secs(600))
                .build(),
        )
        .build()
        .unwrap();
    tenancy.for_tenant(&yard.id("current")).await.unwrap();
    let error = tenancy.for_tenant(&yard.id("behind")).await.unwrap_err();
    assert!(
        matches!(error, TenantError::Migrating { ref migration, .. } if &**migration == "m4_due"),
        "{error}"
    );
    // Never migrated at all.
    let error = tenancy.for_tenant(&world.acme).await.unwrap_err();
    assert!(
        matches!(error, TenantError::Migrating { ref migration, .. } if &**migration == "m1_kinds"),
        "{error}"
    );
    // Whoever migrates may.
    tenancy
        .for_tenant_in_any_status(&yard.id("behind"))
        .await
        .unwrap();
    let behind_id = yard.id("behind");
    let behind = Selection::Ids([behind_id.clone()].into());
    yard.fleet::<4>().up(&Run::of(behind)).await.unwrap();
    until_served(|| tenancy.for_tenant(&behind_id)).await;
    // What clients are told meanwhile.
    yard.make::<3>(&["late"]).await;
    let tenants = TenantMiddleware::new(tenancy.clone());
    let application = App::new()
        .wrap(tenants)
        .default_service(web::to(HttpResponse::Ok));
    let application = actix_web::test::init_service(application).await;
    let request = actix_web::test::TestRequest::get();
    let request = request.insert_header(("x-tenant-id", yard.id("late").as_str().to_owned()));
    let answer = actix_web::test::call_service(&application, request.to_request()).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers().get("retry-after").unwrap(), "10");
    let body = String::from_utf8(actix_web::test::read_body(answer).await.to_vec()).unwrap();
    assert!(body.contains("tenant-migrating"), "{body}");
    tenancy.close().await;
    // An older application needs less.
    let older = gate(Some("m3_seeds")).unwrap();
    older.tenant(&yard.id("behind")).await.unwrap();
    assert!(gate(Some("m9_none")).is_err());
}

async fn the_lint_reads_what_the_migrations_send(world: &World) {
    let yard = Yard::new(world);
    yard.make::<1>(&["a"]).await;
    let fleet = yard.fleet::<4>();
    let place = yard.store.connection(&yard.id("a")).await.unwrap();
    let findings = fleet.lint(Lint::citus(), &place).await;
    if world.server != Server::Postgres {
        assert!(findings.is_err());
        return;
    }
    assert_eq!(findings.unwrap().len(), 0);
    let fleet = yard.builder::<Bad>().build().unwrap();
    let findings = fleet.lint(Lint::citus(), &place).await.unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].to_string().contains("CHECK"), "{}", findings[0]);
}

struct Bad;

impl sea_orm_migration::MigratorTrait for Bad {
    fn migrations() -> Vec<Box<dyn sea_orm_migration::MigrationTrait>> {
        let mut migrations = <First<4> as sea_orm_migration::MigratorTrait>::migrations();
        migrations.push(Box::new(InlineCheck));
        migrations
    }
}

struct InlineCheck;

impl sea_orm_migration::MigrationName for InlineCheck {
    fn name(&self) -> &str {
        "m6_inline_check"
    }
}

#[async_trait::async_trait]
impl sea_orm_migration::MigrationTrait for InlineCheck {
    async fn up(&self, manager: &sea_orm_migration::SchemaManager) -> Result<(), sea_orm::DbErr> {
        let add = "ALTER TABLE item ADD COLUMN pages integer CHECK (pages > 0)";
        manager.get_connection().execute_unprepared(add).await?;
        Ok(())
    }
}
