//! Many tenants at once.

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use sea_orm_tenant::{
    ConnectionInfo, MemoryStore, PlacedPage, TenantDirectory, TenantError, TenantId, TenantInfo,
    TenantQuery, TenantRegistry as _, TenantStatus, TenantStore,
    migration::{
        Fleet, FleetReport, MigrationError, Migrations, Outcome, Reference, Rollout, Run,
        SchemaVersion, Selection, Stop,
    },
};

use super::library::{First, Yard};
use crate::support::{Server, World, on_every_database};

on_every_database!(
    all_are_brought_up_and_taken_down,
    status_tells_who_is_behind_and_makes_nothing,
    one_that_fails_or_panics_stops_nobody_else,
    one_whose_entry_makes_no_sense_stops_nobody_else,
    canaries_keep_the_others_from_harm,
    too_many_failures_end_it,
    it_can_be_stopped,
    who_holds_a_lock_is_not_waited_for_long,
    two_deployers_do_everything_once,
    only_the_selected_are_touched,
    names_mean_the_tenants_tables_and_no_others,
);

fn outcomes(report: &FleetReport) -> Vec<String> {
    let of = |tenant: &sea_orm_tenant::migration::TenantReport| {
        let name = tenant.tenant.as_str().split('-').next().unwrap().to_owned();
        match &tenant.outcome {
            Outcome::Failed(_) => format!("{name}: failed"),
            outcome => format!("{name}: {outcome}"),
        }
    };
    report.tenants.iter().map(of).collect()
}

async fn versions(yard: &Yard<'_>) -> Vec<String> {
    let status = yard.fleet::<4>().status(&Selection::All).await.unwrap();
    status
        .iter()
        .map(|tenant| tenant.version.to_string())
        .collect()
}

async fn all_are_brought_up_and_taken_down(world: &World) {
    let yard = Yard::new(world);
    yard.make::<1>(&["a", "b"]).await;
    yard.make::<3>(&["c"]).await;
    yard.make::<4>(&["d"]).await;
    let fleet = yard.fleet::<4>();
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(
        outcomes(&report),
        [
            "a: 3 migrations",
            "b: 3 migrations",
            "c: 1 migration",
            "d: up to date"
        ]
    );
    assert!(report.is_complete());
    assert_eq!(versions(&yard).await, ["up to date"; 4]);
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(report.counts().up_to_date, 4);
    let report = fleet.down(&Run::default()).await.unwrap();
    assert_eq!(report.counts().succeeded, 4);
    assert_eq!(versions(&yard).await, ["behind by m4_due"; 4]);
    let report = fleet.down(&Run::default().steps(10)).await.unwrap();
    assert_eq!(outcomes(&report)[0], "a: 3 migrations");
    assert_eq!(versions(&yard).await, ["behind by 4, from m1_kinds on"; 4]);
    let report = fleet.up(&Run::default().steps(2)).await.unwrap();
    assert_eq!(outcomes(&report)[0], "a: 2 migrations");
    assert_eq!(versions(&yard).await, ["behind by 2, from m3_seeds on"; 4]);
}

async fn status_tells_who_is_behind_and_makes_nothing(world: &World) {
    let yard = Yard::new(world);
    yard.make::<2>(&["behind"]).await;
    yard.make::<4>(&["current"]).await;
    yard.make::<5>(&["newer"]).await;
    // Known, and nothing else.
    yard.store.add(yard.id("nowhere"), &world.database).unwrap();
    // With tables, and none that tells of migrations.
    yard.store.add(world.acme.clone(), &world.database).unwrap();
    let fleet = yard.fleet::<4>();
    for _ in 0..2 {
        let status = fleet.status(&Selection::All).await.unwrap();
        let status: Vec<_> = status
            .iter()
            .map(|tenant| {
                let name = tenant.tenant.as_str().split('-').next().unwrap().to_owned();
                (name, tenant.version.to_string())
            })
            .collect();
        let expected = [
            ("acme", "behind by 4, from m1_kinds on"),
            ("behind", "behind by 2, from m3_seeds on"),
            ("current", "up to date"),
            ("newer", "ahead: it has m5_sometimes"),
            ("nowhere", "there is no schema"),
        ];
        assert_eq!(
            status,
            expected.map(|(name, version)| (name.to_owned(), version.to_owned()))
        );
    }
    assert_eq!(yard.is_there("nowhere").await, (true, false));
    let report = fleet.up(&Run::default()).await.unwrap();
    let text = serde_json::to_value(&report).unwrap();
    assert_eq!(text["failed"], 2, "{text}");
    assert!(matches!(
        report.tenant(&yard.id("newer")).unwrap().outcome,
        Outcome::Failed(MigrationError::UnknownMigrations { .. })
    ));
}

async fn one_that_fails_or_panics_stops_nobody_else(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["a", "broken", "m", "panics", "z"]).await;
    let fleet = yard.fleet::<5>();
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(
        outcomes(&report),
        [
            "a: 1 migration",
            "broken: failed",
            "m: 1 migration",
            "panics: failed",
            "z: 1 migration"
        ]
    );
    assert!(!report.is_complete());
    let Outcome::Failed(error) = &report.tenant(&yard.id("panics")).unwrap().outcome else {
        unreachable!()
    };
    assert_eq!(error.to_string(), "it panicked: as it is called");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["succeeded"], 3);
    assert_eq!(json["failed"], 2);
    let failed = &json["tenants"][1];
    assert!(
        failed["error"].as_str().unwrap().contains("m5_sometimes"),
        "{failed}"
    );
    // They are as they were, and stay so.
    let broken = yard.db("broken").await;
    let made = broken
        .execute_unprepared("SELECT * FROM $tenant.fine")
        .await;
    assert_eq!(
        made.is_ok(),
        world.server == Server::MySql,
        "taken back, where that is possible"
    );
    let again = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(again.counts().failed, 2);
    assert_eq!(again.counts().up_to_date, 3);
}

/// A store with an entry that it cannot read.
struct Garbled(Arc<MemoryStore>, TenantId);

impl Garbled {
    fn refused(&self) -> TenantError {
        TenantError::InvalidStoreEntry {
            tenant: self.1.clone(),
            reason: "its status is none that there is".to_owned(),
        }
    }
}

#[async_trait::async_trait]
impl TenantStore for Garbled {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        if *id == self.1 {
            return Err(self.refused());
        }
        self.0.tenant(id).await
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.0.connection(id).await
    }
}

#[async_trait::async_trait]
impl TenantDirectory for Garbled {
    async fn list_placed(&self, query: &TenantQuery) -> Result<PlacedPage, TenantError> {
        let mut page = self.0.list_placed(query).await?;
        let garbled = page.tenants.iter_mut().find(|tenant| tenant.id == self.1);
        garbled.unwrap().info = Err(self.refused());
        Ok(page)
    }
}

async fn one_whose_entry_makes_no_sense_stops_nobody_else(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["a", "garbled", "z"]).await;
    let store = Garbled(yard.store.clone(), yard.id("garbled"));
    let migrations = Migrations::of::<First<4>>().unwrap();
    let fleet = Fleet::builder(store, migrations).build().unwrap();
    assert!(
        fleet
            .registry()
            .placed(&yard.id("garbled"))
            .await
            .unwrap()
            .info
            .is_err()
    );
    let status = fleet.status(&Selection::All).await.unwrap();
    assert_eq!(status[1].status, None);
    assert!(matches!(status[1].version, SchemaVersion::Unreadable(_)));
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(
        outcomes(&report),
        ["a: 1 migration", "garbled: failed", "z: 1 migration"]
    );
    let Outcome::Failed(error) = &report.tenant(&yard.id("garbled")).unwrap().outcome else {
        unreachable!()
    };
    assert!(error.to_string().contains("its status is none"), "{error}");
    let drift = fleet.drift(&Selection::All, &Reference::Migrations).await;
    let failed: Vec<bool> = drift.unwrap().iter().map(|of| of.drift.is_err()).collect();
    assert_eq!(failed, [false, true, false]);
    // Nothing was done to it.
    assert_eq!(versions(&yard).await[1], "behind by m4_due");
}

async fn canaries_keep_the_others_from_harm(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["a", "b", "broken", "c"]).await;
    let fleet = yard.fleet::<5>();
    let canary = Rollout::default().with_canaries([yard.id("broken"), yard.id("c")]);
    let report = fleet.up(&Run::default().rollout(canary)).await.unwrap();
    assert_eq!(outcomes(&report)[0], "a: skipped: a canary failed");
    assert_eq!(outcomes(&report)[1], "b: skipped: a canary failed");
    assert_eq!(outcomes(&report)[2], "broken: failed");
    assert!(!report.is_complete());
    let canary = Rollout::default().with_canaries([yard.id("a")]);
    let report = fleet.up(&Run::default().rollout(canary)).await.unwrap();
    assert_eq!(report.counts().failed, 1);
    assert_eq!(report.counts().skipped, 0);
    let nobody = Rollout::default().with_canaries([world.acme.clone()]);
    assert!(fleet.up(&Run::default().rollout(nobody)).await.is_err());
}

async fn too_many_failures_end_it(world: &World) {
    let yard = Yard::new(world);
    yard.make::<4>(&["broken1", "broken2", "broken3", "x", "y", "z"])
        .await;
    let fleet = yard.builder::<First<5>>().workers(1).build().unwrap();
    let rollout = Rollout::default().with_max_failures(1);
    let report = fleet.up(&Run::default().rollout(rollout)).await.unwrap();
    assert_eq!(report.counts().failed, 2);
    assert_eq!(report.counts().skipped, 4);
    assert_eq!(outcomes(&report)[5], "z: skipped: too many others failed");
}

async fn it_can_be_stopped(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["a", "b", "c"]).await;
    let fleet = yard.builder::<First<4>>().workers(1).build().unwrap();
    let stop = Stop::default();
    let asked = stop.clone();
    let run = Run::default().stop(stop).observer(move |_| asked.request());
    let report = fleet.up(&run).await.unwrap();
    assert_eq!(report.counts().succeeded, 1);
    assert_eq!(
        outcomes(&report)[2],
        "c: skipped: stopped before it was begun"
    );
    assert!(!report.is_complete());
}

async fn who_holds_a_lock_is_not_waited_for_long(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["held", "free"]).await;
    let db = yard.db("held").await;
    let holder = db.begin().await.unwrap();
    holder
        .execute_unprepared("INSERT INTO $tenant.item (kind_id, title) VALUES (1, 'held')")
        .await
        .unwrap();
    let fleet = yard
        .builder::<First<4>>()
        .lock_timeout(Duration::from_millis(50))
        .max_attempts(2)
        .build()
        .unwrap();
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(outcomes(&report), ["free: 1 migration", "held: failed"]);
    // Nobody queues behind it: the tenant is served as before.
    let other = yard.db("held").await;
    other
        .execute_unprepared("SELECT count(*) FROM $tenant.item")
        .await
        .unwrap();
    holder.commit().await.unwrap();
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(outcomes(&report), ["free: up to date", "held: 1 migration"]);
}

async fn two_deployers_do_everything_once(world: &World) {
    let yard = Yard::new(world);
    let names: Vec<String> = (0..12).map(|number| format!("t{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    yard.make::<1>(&names).await;
    let deploy = || {
        let fleet = yard
            .builder::<First<4>>()
            .lock_timeout(Duration::from_secs(10))
            .build()
            .unwrap();
        async move { fleet.up(&Run::default()).await.unwrap() }
    };
    let (one, other) = tokio::join!(deploy(), deploy());
    let migrations = |report: &FleetReport| -> usize {
        report
            .tenants
            .iter()
            .map(|tenant| match tenant.outcome {
                Outcome::Migrated(migrations) => migrations,
                Outcome::UpToDate => 0,
                ref other => panic!("{other}"),
            })
            .sum()
    };
    assert_eq!(migrations(&one) + migrations(&other), 12 * 3);
    assert_eq!(versions(&yard).await, ["up to date"; 12]);
}

async fn only_the_selected_are_touched(world: &World) {
    let yard = Yard::new(world);
    yard.make::<3>(&["a", "b", "c", "gone", "paused"]).await;
    yard.store
        .change_status(&yard.id("gone"), TenantStatus::Archived)
        .await
        .unwrap();
    yard.store
        .change_status(&yard.id("paused"), TenantStatus::Suspended)
        .await
        .unwrap();
    let fleet = yard.fleet::<4>();
    let a = Selection::parse(&[yard.id("a").as_str()]).unwrap();
    let report = fleet.up(&Run::of(a)).await.unwrap();
    assert_eq!(outcomes(&report), ["a: 1 migration"]);
    let report = fleet
        .up(&Run::of(Selection::parse(&["b*"]).unwrap()))
        .await
        .unwrap();
    assert_eq!(outcomes(&report), ["b: 1 migration"]);
    let report = fleet.up(&Run::default()).await.unwrap();
    assert_eq!(
        outcomes(&report),
        [
            "a: up to date",
            "b: up to date",
            "c: 1 migration",
            "gone: skipped: it is archived",
            "paused: 1 migration"
        ]
    );
    let nobody = Selection::parse(&["nobody"]).unwrap();
    let error = fleet.up(&Run::of(nobody)).await.unwrap_err();
    assert_eq!(error.to_string(), "tenant nobody is unknown");
}

/// A table of migrations that says all was done, and tables of the same names, where a name might
/// fall through to.
async fn names_mean_the_tenants_tables_and_no_others(world: &World) {
    let yard = Yard::new(world);
    let shared = world.tenancy.shared().await.unwrap();
    for sql in [
        "CREATE TABLE seaql_migrations (version varchar(255) PRIMARY KEY, applied_at bigint NOT NULL)",
        "INSERT INTO seaql_migrations VALUES ('m1_kinds', 1), ('m2_items', 1), ('m3_seeds', 1), ('m4_due', 1)",
        "CREATE TABLE kind (id integer PRIMARY KEY, label varchar(100))",
        "INSERT INTO kind VALUES (1, 'NOT YOURS'), (7, 'NOT YOURS')",
        "CREATE TABLE item (id integer PRIMARY KEY, due integer)",
    ] {
        shared.execute_unprepared(sql).await.unwrap();
    }
    yard.make::<1>(&["a"]).await;
    let report = yard.fleet::<4>().up(&Run::default()).await.unwrap();
    assert_eq!(outcomes(&report), ["a: 3 migrations"]);
    let fleet = yard.fleet::<4>();
    fleet.down(&Run::default().steps(4)).await.unwrap();
    fleet.up(&Run::default()).await.unwrap();
    let ask = async |sql: &str| -> String {
        let select = sea_orm::Statement::from_string(world.server.backend(), sql);
        let row = shared.query_one_raw(select).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap().to_string()
    };
    assert_eq!(ask("SELECT count(*) FROM seaql_migrations").await, "4");
    assert_eq!(
        ask("SELECT count(*) FROM kind WHERE label = 'NOT YOURS'").await,
        "2"
    );
    assert_eq!(ask("SELECT count(*) FROM kind").await, "2");
    let status = fleet.status(&Selection::All).await.unwrap();
    assert!(matches!(status[0].version, SchemaVersion::UpToDate));
}
