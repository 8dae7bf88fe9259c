//! MySQL, which cannot take back what a migration did until it was killed.

use sea_orm::{ConnectionTrait as _, DbErr};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::{
    TenantError, TenantInfo, TenantStore as _,
    migration::{MigrationError, Migrations, Outcome, Provision, Run, Selection, VersionGate},
};

use super::library::{First, Yard};
use crate::support::{Server, World};

/// Two tables, made so that it cannot be repeated; and a row, if wanted.
struct TwoTables<const ROW: bool>;

impl<const ROW: bool> MigratorTrait for TwoTables<ROW> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut migrations = First::<2>::migrations();
        migrations.push(Box::new(TwoTables::<ROW>));
        migrations
    }
}

impl<const ROW: bool> MigrationName for TwoTables<ROW> {
    fn name(&self) -> &str {
        "m7_two_tables"
    }
}

const ONE: &str = "CREATE TABLE $tenant.one (id integer PRIMARY KEY)";
const TWO: &str = "CREATE TABLE $tenant.two (id integer PRIMARY KEY)";

#[async_trait::async_trait]
impl<const ROW: bool> MigrationTrait for TwoTables<ROW> {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for table in [ONE, TWO] {
            db.execute_unprepared(&table.replace("$tenant.", ""))
                .await?;
        }
        if ROW {
            db.execute_unprepared("INSERT INTO one VALUES (1)").await?;
        }
        Ok(())
    }
}

/// What is there when it was killed after these statements.
async fn killed_after(yard: &Yard<'_>, name: &str, statements: &[&str]) {
    yard.make::<2>(&[name]).await;
    let db = yard.db(name).await;
    db.execute_unprepared("INSERT INTO $tenant.seaql_migrations_begun VALUES ('m7_two_tables')")
        .await
        .unwrap();
    for statement in statements {
        db.execute_unprepared(statement).await.unwrap();
    }
}

async fn on_mysql(test: impl AsyncFnOnce(&World)) {
    World::run(Server::MySql, test).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_to_its_end_is_noted() {
    on_mysql(async |world| {
        let yard = Yard::new(world);
        killed_after(&yard, "begun", &[]).await;
        killed_after(&yard, "done", &[ONE, TWO]).await;
        let fleet = yard.builder::<TwoTables<false>>().build().unwrap();
        let report = fleet.up(&Run::default()).await.unwrap();
        assert_eq!(report.counts().succeeded, 2, "{report:?}");
        let status = fleet.status(&Selection::All).await.unwrap();
        assert!(
            status
                .iter()
                .all(|tenant| tenant.version.to_string() == "up to date")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_half_done_is_told_and_left_alone() {
    on_mysql(async |world| {
        let yard = Yard::new(world);
        killed_after(&yard, "half", &[ONE]).await;
        let fleet = yard.builder::<TwoTables<false>>().build().unwrap();
        for _ in 0..2 {
            let report = fleet.up(&Run::default()).await.unwrap();
            let Outcome::Failed(error) = &report.tenants[0].outcome else {
                panic!("{report:?}")
            };
            assert!(
                matches!(error, MigrationError::HalfApplied { .. }),
                "{error}"
            );
            assert!(error.to_string().contains("m7_two_tables"), "{error}");
        }
        // Mended by hand.
        yard.db("half").await.execute_unprepared(TWO).await.unwrap();
        let report = fleet.up(&Run::default()).await.unwrap();
        assert_eq!(report.counts().succeeded, 1, "{report:?}");
    })
    .await;
}

/// A structure does not show whether the row was written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_writes_rows_is_not_taken_to_be_done() {
    on_mysql(async |world| {
        let yard = Yard::new(world);
        killed_after(&yard, "done", &[ONE, TWO]).await;
        let fleet = yard.builder::<TwoTables<true>>().build().unwrap();
        let report = fleet.up(&Run::default()).await.unwrap();
        let Outcome::Failed(error) = &report.tenants[0].outcome else {
            panic!("{report:?}")
        };
        assert!(
            matches!(error, MigrationError::HalfApplied { .. }),
            "{error}"
        );
    })
    .await;
}

/// Some of it is gone, although it counts as applied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_half_taken_back_is_made_again_or_taken_back() {
    on_mysql(async |world| {
        let yard = Yard::new(world);
        yard.make::<4>(&["up", "xdown"]).await;
        for name in ["up", "xdown"] {
            let db = yard.db(name).await;
            let begun = "INSERT INTO $tenant.seaql_migrations_begun VALUES ('m4_due')";
            db.execute_unprepared(begun).await.unwrap();
        }
        let db = yard.db("up").await;
        let half = "ALTER TABLE $tenant.item DROP COLUMN due";
        db.execute_unprepared(half).await.unwrap();
        let fleet = yard.fleet::<4>();
        let status = fleet.status(&Selection::All).await.unwrap();
        assert_eq!(status[0].version.to_string(), "behind by m4_due");
        let only = |name| Run::of(Selection::Ids([yard.id(name)].into()));
        let report = fleet.up(&only("up")).await.unwrap();
        assert_eq!(report.counts().succeeded, 1, "{report:?}");
        let due = "INSERT INTO $tenant.item (kind_id, title, due) VALUES (1, 'x', 7)";
        db.execute_unprepared(due).await.unwrap();
        let report = fleet.down(&only("xdown")).await.unwrap();
        assert_eq!(report.counts().succeeded, 1, "{report:?}");
        let status = fleet.status(&Selection::All).await.unwrap();
        let versions: Vec<String> = status
            .iter()
            .map(|tenant| tenant.version.to_string())
            .collect();
        assert_eq!(versions, ["up to date", "behind by m4_due"]);
        let db = yard.db("xdown").await;
        db.execute_unprepared(due).await.unwrap_err();
    })
    .await;
}

/// A column, and what it is to have of each row.
struct Backfill;

impl MigratorTrait for Backfill {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut migrations = First::<2>::migrations();
        migrations.push(Box::new(Backfill));
        migrations
    }
}

impl MigrationName for Backfill {
    fn name(&self) -> &str {
        "m7_two_tables"
    }
}

const COLUMN: &str = "ALTER TABLE $tenant.item ADD COLUMN shout varchar(200) NULL";

#[async_trait::async_trait]
impl MigrationTrait for Backfill {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared(&COLUMN.replace("$tenant.", ""))
            .await?;
        let select = "SELECT id FROM item";
        let select = sea_orm::Statement::from_string(db.get_database_backend(), select);
        for row in db.query_all_raw(select).await? {
            let id: i32 = row.try_get_by_index(0)?;
            let update = format!("UPDATE item SET shout = UPPER(title) WHERE id = {id}");
            db.execute_unprepared(&update).await?;
        }
        Ok(())
    }
}

/// In a scratch schema there are no rows, so it would seem to write none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reads_rows_is_not_taken_to_be_done() {
    on_mysql(async |world| {
        let yard = Yard::new(world);
        killed_after(&yard, "begun", &[COLUMN]).await;
        let fleet = yard.builder::<Backfill>().build().unwrap();
        let report = fleet.up(&Run::default()).await.unwrap();
        let Outcome::Failed(error) = &report.tenants[0].outcome else {
            panic!("{report:?}")
        };
        assert!(
            matches!(error, MigrationError::HalfApplied { .. }),
            "{error}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_does_not_count_what_was_half_taken_back() {
    on_mysql(async |world| {
        let yard = Yard::new(world);
        yard.make::<4>(&["one"]).await;
        let gate = || {
            let migrations = Migrations::of::<First<4>>().unwrap();
            VersionGate::builder(yard.store.clone(), migrations)
                .build()
                .unwrap()
        };
        let one = yard.id("one");
        // Made by another program, which has no such table.
        let db = yard.db("one").await;
        let begun = "DROP TABLE $tenant.seaql_migrations_begun";
        db.execute_unprepared(begun).await.unwrap();
        gate().tenant(&one).await.unwrap();
        for statement in [
            "CREATE TABLE $tenant.seaql_migrations_begun (version varchar(255) PRIMARY KEY)",
            "INSERT INTO $tenant.seaql_migrations_begun VALUES ('m4_due')",
        ] {
            db.execute_unprepared(statement).await.unwrap();
        }
        let error = gate().tenant(&one).await.unwrap_err();
        assert!(matches!(error, TenantError::Migrating { .. }), "{error}");
    })
    .await;
}

/// A database of the tenant's own was there before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dedicated_database_is_left_empty_and_not_removed() {
    on_mysql(async |world| {
        let yard = Yard::new(world);
        let id = yard.id("own");
        // Removed with the world, because of its name.
        let name = yard.place("own").schema().clone();
        let quoted = name.quoted(sea_orm::DbBackend::MySql);
        let shared = world.tenancy.shared().await.unwrap();
        let create = format!("CREATE DATABASE {quoted} CHARACTER SET latin1");
        shared.execute_unprepared(&create).await.unwrap();
        let mut url = url::Url::parse(world.database.expose()).unwrap();
        url.set_path(name.as_str());
        let url = sea_orm_tenant::DatabaseUrl::new(url.as_str()).unwrap();
        let place = sea_orm_tenant::ConnectionInfo::dedicated(&url).unwrap();
        let fails = Provision::new(TenantInfo::active(id), place)
            .seed(|_| Box::pin(async { Err("no".into()) }));
        yard.fleet::<2>().provision(&fails).await.unwrap_err();
        let select = format!(
            "SELECT default_character_set_name, (SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = '{name}') FROM information_schema.schemata WHERE schema_name = '{name}'"
        );
        let select = sea_orm::Statement::from_string(sea_orm::DbBackend::MySql, select);
        let row = shared.query_one_raw(select).await.unwrap().unwrap();
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "latin1");
        assert_eq!(row.try_get_by_index::<i64>(1).unwrap(), 0);
    })
    .await;
}
