//! The program is killed, and several of it run at once: what is left to do is done by the next run,
//! and everything is done once.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use fastrand::Rng;
use futures_util::{StreamExt as _, stream};
use sea_orm::{ConnectionTrait as _, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::{
    ConnectionInfo, TenantInfo,
    migration::{Fleet, Migrations, Provision},
};

use super::program::Program;
use crate::support::{Server, World, on_every_database};

#[allow(dead_code, reason = "the seed is the program's")]
#[path = "../../../examples/migration/tenants/mod.rs"]
mod tenants;

on_every_database!(
    who_is_killed_is_followed_up,
    several_at_once_do_everything_once,
);

/// What all tenants have in the end.
const MIGRATIONS: [&str; 3] = [
    "m20260101_000001_books",
    "m20260102_000001_shelves",
    "m20260103_000001_lent",
];

async fn who_is_killed_is_followed_up(world: &World) {
    const TENANTS: usize = 20;
    /// Of those, so many when they are made.
    const KILLS: usize = 50;
    const MAKING: usize = 15;
    let program = Program::new(world);
    let mut killer = Killer::new(&program, 0x0074_656e_616e_7473);

    let tenants: Vec<String> = (0..TENANTS).map(|number| format!("t{number:02}")).collect();
    // The last one is never disturbed.
    let undisturbed = tenants.last().unwrap();
    killer.measure(&format!("create @{undisturbed}"));
    let mut at = 0;
    while killer.kills < MAKING {
        let tenant = &tenants[at % (TENANTS - 1)];
        killer.run(&format!("create @{tenant}"));
        at += 1;
        if at.is_multiple_of(TENANTS - 1) {
            // All were made before they were killed.
            killer.remake(&tenants[..TENANTS - 1]);
        }
    }
    for tenant in &tenants {
        program.well(&format!("create @{tenant}"));
    }
    let seeded = |tenant: &str| {
        let of_seed = format!("New at {}", program.id(tenant));
        vec!["Returned".to_owned(), "To be repaired".to_owned(), of_seed]
    };
    expect_all(&program, &tenants, undisturbed, seeded).await;

    // From here on only migrations write to the shelves.
    killer.measure("down --yes --steps 2");
    killer.measure("up");
    while killer.kills < KILLS {
        match killer.rng.u8(..8) {
            0 => _ = killer.run("drift"),
            1..4 => _ = killer.run("down --yes --steps 2"),
            _ if killer.run("up") => {}
            _ => _ = program.well("down --yes --steps 2"),
        }
    }
    program.well("up");
    let shelves = |_: &str| vec!["Returned".to_owned(), "To be repaired".to_owned()];
    expect_all(&program, &tenants, undisturbed, shelves).await;
    program.remove().await;
}

/// Kills the program at moments that are drawn.
struct Killer<'p, 'w> {
    program: &'p Program<'w>,
    rng: Rng,
    kills: usize,
    /// How long undisturbed runs take. A bound of what is drawn, and never asserted.
    longest: Duration,
}

impl<'p, 'w> Killer<'p, 'w> {
    fn new(program: &'p Program<'w>, seed: u64) -> Self {
        Self {
            program,
            rng: Rng::with_seed(seed),
            kills: 0,
            longest: Duration::ZERO,
        }
    }

    fn measure(&mut self, line: &str) {
        let begun = Instant::now();
        self.program.well(line);
        self.longest = self.longest.max(begun.elapsed());
    }

    /// Starts the program, and kills it unless it ends before, which it has to do well then. Whether
    /// it was killed.
    fn run(&mut self, line: &str) -> bool {
        let mut running = self.program.start(line);
        if line.starts_with("create") || line == "drift" || self.rng.bool() {
            let most = self.longest.as_millis() as u64;
            std::thread::sleep(Duration::from_millis(self.rng.u64(0..=most)));
        } else {
            running.wait_for_lines(self.rng.usize(1..20));
        }
        running.child.kill().unwrap();
        match running.end() {
            ran if ran.code == -1 => {
                self.kills += 1;
                true
            }
            ran => {
                assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
                false
            }
        }
    }

    /// Removes tenants, so that they can be made again.
    fn remake(&self, tenants: &[String]) {
        for tenant in tenants {
            self.program.well(&format!("create @{tenant}"));
            self.program.well(&format!("archive @{tenant} --yes"));
            let drop = format!("drop @{tenant} --confirm @{tenant} --yes");
            self.program.well(&drop);
        }
    }
}

/// Every tenant is as one that was never disturbed, and nothing else is there.
async fn expect_all(
    program: &Program<'_>,
    tenants: &[String],
    undisturbed: &str,
    shelves: impl Fn(&str) -> Vec<String>,
) {
    program.well("drift");
    program.well(&format!("drift --reference @{undisturbed}"));
    let list = program.json("list --status active", 0);
    assert_eq!(list["total"], tenants.len());
    for tenant in tenants {
        let applied = column(program, tenant, "version", "seaql_migrations", "version").await;
        assert_eq!(applied, MIGRATIONS, "{tenant}");
        let labels = column(program, tenant, "label", "shelf", "id").await;
        assert_eq!(labels, shelves(tenant), "{tenant}");
        if program.world.server == Server::MySql {
            let begun = column(
                program,
                tenant,
                "version",
                "seaql_migrations_begun",
                "version",
            );
            assert_eq!(begun.await, [""; 0], "{tenant}");
        }
    }
    expect_nothing_left(program).await;
}

async fn column(
    program: &Program<'_>,
    tenant: &str,
    column: &str,
    table: &str,
    order: &str,
) -> Vec<String> {
    let db = program.tenant(tenant).await;
    let select = format!("SELECT {column} FROM $tenant.{table} ORDER BY {order}");
    let select = Statement::from_string(db.get_database_backend(), select);
    let rows = db.query_all_raw(select).await.unwrap();
    let rows = rows.iter().map(|row| row.try_get_by_index(0).unwrap());
    rows.collect()
}

async fn expect_nothing_left(program: &Program<'_>) {
    let world = program.world;
    let tenancy = &world.tenancy;
    let (_, number) = world.acme.as_str().split_once('-').unwrap();
    if world.server == Server::Sqlite {
        let directory = world.database.file().unwrap();
        let names = fs::read_dir(directory).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = names.filter(|name| name.contains("unfinished")).collect();
        assert_eq!(left, [""; 0]);
        return;
    }
    let db = tenancy.connection_to(&world.database).await.unwrap();
    let unfinished = format!(
        "SELECT table_schema FROM information_schema.tables \
         WHERE table_name LIKE '%unfinished' AND table_schema LIKE 'tenant%{number}'"
    );
    assert_eq!(Program::ask(&db, &unfinished).await, [""; 0]);
    let scratch = match world.server {
        Server::Postgres => {
            "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname LIKE 'scratch-%'"
        }
        _ => {
            "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'scratch-%'"
        }
    };
    // On MySQL schemas are global to the server, and other tests have theirs, which pass.
    let mut left = Program::ask(&db, scratch).await;
    let begun = Instant::now();
    while !left.is_empty() && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = Program::ask(&db, scratch).await;
        left.retain(|name| now.contains(name));
    }
    assert_eq!(left, [""; 0]);
    db.close().await.unwrap();
}

/// Where tenants begin.
struct Books;

impl MigratorTrait for Books {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        tenants::Migrator::migrations()
            .into_iter()
            .take(1)
            .collect()
    }
}

async fn several_at_once_do_everything_once(world: &World) {
    // Each table is a file that is synchronised there.
    let number = match world.server {
        Server::MySql => 60,
        _ => 200,
    };
    let program = Program::new(world);
    let fleet = Fleet::builder(program.registry().await, Migrations::of::<Books>().unwrap());
    let fleet = fleet.build().unwrap();
    let made = stream::iter(0..number).map(|number| {
        let id = program.id(&format!("t{number:03}"));
        let place = ConnectionInfo::shared(&world.database, &id);
        let provision = Provision::new(TenantInfo::active(id), place);
        let fleet = fleet.clone();
        async move { fleet.provision(&provision).await.unwrap() }
    });
    assert_eq!(made.buffer_unordered(4).count().await, number);

    expect_each_once(&program, 2, number * 2);
    program.well("down --yes --steps 1");
    expect_each_once(&program, 4, number);
    program.well("status --check");
    program.well("drift");
}

/// Runs several programs at once, which apply so many migrations together.
fn expect_each_once(program: &Program<'_>, programs: usize, expected: usize) {
    let running: Vec<_> = (0..programs)
        .map(|_| program.start("up --json --workers 2"))
        .collect();
    let mut applied = 0;
    let mut failed = BTreeMap::new();
    for running in running {
        let ran = running.end();
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        for tenant in report["tenants"].as_array().unwrap() {
            applied += tenant["migrations"].as_u64().unwrap_or(0);
            if let Some(error) = tenant["error"].as_str() {
                failed.insert(tenant["tenant"].to_string(), error.to_owned());
            }
        }
        assert_eq!(ran.code, 0, "{failed:?}");
    }
    assert_eq!(applied, expected as u64);
}
