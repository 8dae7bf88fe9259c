//! The commands of a `migration` program, as somebody who types them sees them.

use sea_orm::{ConnectionTrait as _, Database, TransactionTrait as _};
use sea_orm_tenant::SchemaName;

use super::program::{Program, Ran};
use crate::support::{Server, World, on_every_database, plain};

on_every_database!(
    the_life_of_a_tenant,
    documents_have_the_counts,
    who_takes_something_away_says_yes,
    bad_input_is_refused_before_anything_is_done,
    a_dry_run_changes_nothing,
    what_is_found_is_an_exit_code,
    one_that_fails_is_named,
    canaries_and_waves,
    the_shared_tables_have_migrations_of_their_own,
    a_signal_asks_to_stop_and_two_end_it,
    an_outage_is_told_without_secrets,
);

impl Ran {
    #[track_caller]
    fn says(self, code: i32, text: &str) {
        let Self { out, err, .. } = &self;
        assert_eq!(self.code, code, "{out}{err}");
        assert!(out.contains(text) || err.contains(text), "{out}{err}");
    }
}

async fn the_life_of_a_tenant(world: &World) {
    let program = Program::new(world);
    let acme = program.id("one");
    program.run("list").says(0, "there are no tenants");
    program
        .run("create @one --name Acme --plan gold")
        .says(0, &format!("tenant {acme} was made"));
    program.run("create @one").says(0, "was there already");
    let ran = program.well("list");
    assert!(ran.out.starts_with("ID "), "{}", ran.out);
    for word in [acme.as_str(), "Acme", "active", "gold"] {
        assert!(ran.out.contains(word), "{}", ran.out);
    }
    // The seed of the program, and the rows of its migrations.
    assert_eq!(shelves(&program, "one").await, "3");

    program.run("clone @one @two --data").says(0, "was made");
    assert_eq!(shelves(&program, "two").await, "3");
    program.run("clone @one @three").says(0, "was made");
    assert_eq!(shelves(&program, "three").await, "2");
    program.run("rename @three @four").says(0, "is four-");
    assert_eq!(shelves(&program, "four").await, "2");
    program.run("rename @three @four").says(0, "is four-");
    program.run("rename @one @two").says(2, "exists already");

    program
        .run("drop @two --confirm @two --yes")
        .says(2, "needs it to be archived");
    program.run("archive @two --yes").says(0, "is archived");
    program
        .run("status")
        .says(0, "2 up to date, 0 behind, 1 out of service");
    program.run("list --status archived").says(0, "archived_");
    let ran = program.well("list --status active");
    assert!(!ran.out.contains("archived"), "{}", ran.out);
    program
        .run("drop @two --confirm @two --yes")
        .says(0, "are gone");
    program
        .run("drop @two --confirm @two --yes")
        .says(2, "is unknown");

    let mut fresh = program.command("fresh @four --yes");
    fresh.env("TENANT_ENV", "development");
    program.ran(fresh).says(0, "1 succeeded");
    program
        .run("drift")
        .says(0, "2 as they should be, 0 drifted");
    program.remove().await;
}

/// By a tenancy that is closed again: a file that somebody has open is not renamed.
async fn shelves(program: &Program<'_>, name: &str) -> String {
    let tenancy = program.world.tenancy().build().unwrap();
    let db = tenancy.for_tenant(&program.id(name)).await.unwrap();
    let select = sea_orm::Statement::from_string(
        db.get_database_backend(),
        "SELECT COUNT(*) FROM $tenant.shelf",
    );
    let row = db.query_one_raw(select).await.unwrap().unwrap();
    drop(db);
    tenancy.close().await;
    row.try_get_by_index::<i64>(0).unwrap().to_string()
}

async fn documents_have_the_counts(world: &World) {
    let program = Program::new(world);
    let made = program.json("create @one", 0);
    assert_eq!(made["tenant"], program.id("one").as_str());
    assert_eq!(made["result"], "made");
    assert_eq!(program.json("create @one", 0)["result"], "already_there");
    program.well("create @two");
    let list = program.json("list", 0);
    assert_eq!(list["total"], 2);
    assert_eq!(list["tenants"][0]["id"], program.id("one").as_str());
    assert!(list["tenants"][0]["schema"].is_string());
    let down = program.json("down @one --steps 2 --yes", 0);
    assert_eq!(down["succeeded"], 1);
    assert_eq!(down["tenants"][0]["migrations"], 2);
    let status = program.json("status", 0);
    assert_eq!(
        (&status["up_to_date"], &status["behind"]),
        (&1.into(), &1.into())
    );
    assert_eq!(status["tenants"][0]["pending"].as_array().unwrap().len(), 2);
    let plan = program.json("up --dry-run", 0);
    assert_eq!(plan["plans"][0]["migrations"].as_array().unwrap().len(), 2);
    assert_eq!(plan["unplanned"].as_array().unwrap().len(), 0);
    let up = program.json("up", 0);
    assert_eq!(
        (&up["succeeded"], &up["up_to_date"]),
        (&1.into(), &1.into())
    );
    let drift = program.json("drift --reference @two", 0);
    assert_eq!(
        (&drift["compared"], &drift["drifted"]),
        (&2.into(), &0.into())
    );
    assert_eq!(program.json("rename @two @three", 0)["result"], "renamed");
    assert_eq!(program.json("clone @one @two", 0)["result"], "made");
    let unknown = program.json("up @nobody", 2);
    assert!(unknown["error"].as_str().unwrap().contains("is unknown"));
    let lint = match world.server {
        Server::Postgres => program.json("lint --reference-table public.country", 0),
        _ => program.json("lint", 2),
    };
    match world.server {
        Server::Postgres => assert_eq!(lint["errors"], 0),
        _ => assert!(lint["error"].as_str().unwrap().contains("PostgreSQL")),
    }
    program.well("archive @two --yes");
    assert_eq!(
        program.json("drop @two --confirm @two --yes", 0)["result"],
        "dropped"
    );
    program.remove().await;
}

async fn who_takes_something_away_says_yes(world: &World) {
    let program = Program::new(world);
    program.well("create @one");
    program.well("shared up");
    let before = program.json("list", 0);
    for line in [
        "down",
        "down @one --steps 3",
        "fresh",
        "archive @one",
        "drop @one --confirm @one",
        "shared down",
    ] {
        program.run(line).says(2, "say --yes if it is meant");
    }
    program
        .run("drop @one --confirm other --yes")
        .says(2, "confirm it with --confirm one-");
    program.run("fresh --yes").says(2, "TENANT_ENV=development");
    assert_eq!(program.json("list", 0), before);
    program.run("status --check").says(0, "1 up to date");
    program.run("shared status --check").says(0, "applied");
}

async fn bad_input_is_refused_before_anything_is_done(world: &World) {
    let program = Program::new(world);
    for (line, why) in [
        ("", "Usage"),
        ("create Acme", "byte 0 is 'A'"),
        ("create postgres://u:hunter2@h/d", "that is a URL"),
        ("up --waves postgres://u:hunter2@h/d", "that is a URL"),
        ("up --canary postgres://u:hunter2@h/5%", "that is a URL"),
        (
            "up --tenants-file postgres://u:hunter2@h/d",
            "that is a URL",
        ),
        (
            "up --lock-timeout postgres://u:hunter2@h/d",
            "that is a URL",
        ),
        ("up --workers postgres://u:hunter2@h/d", "[REDACTED]"),
        ("up @one [a", "pattern"),
        ("up --workers 0", "--workers"),
        ("up --max-connections 1", "--max-connections"),
        ("up --lock-timeout soon", "30s"),
        ("up --canary 200%", "at most 100"),
        ("up --tenants-file /no/such/file", "/no/such/file"),
        ("down --steps 0 --yes", "--steps"),
        ("drop @one --yes", "--confirm"),
        ("list --status happy", "there are pending"),
        ("list --database-url hunter2", "a database URL is not a URL"),
        ("frobnicate", "frobnicate"),
    ] {
        let ran = program.run(line);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        ran.says(2, why);
    }
    let mut keyless = program.command("list");
    keyless.env_remove("TENANT_KEYS");
    program.ran(keyless).says(3, "openssl rand -base64 32");
    let is_there = match world.server {
        Server::Sqlite => program.shared_url().file().unwrap().exists(),
        _ => {
            let shared = world.tenancy.shared().await.unwrap();
            shared
                .execute_unprepared("SELECT 1 FROM sea_orm_tenant")
                .await
                .is_ok()
        }
    };
    assert!(
        !is_there || world.server == Server::Sqlite,
        "a table was made"
    );
    if world.server == Server::Sqlite {
        let db = Database::connect(plain(&program.shared_url()))
            .await
            .unwrap();
        let tables = Program::ask(&db, "SELECT name FROM sqlite_master").await;
        assert_eq!(tables, [""; 0]);
        db.close().await.unwrap();
    }
    // A tenant that there is not hinders the others that are named beside it.
    program.well("create @one");
    program.well("down @one --yes");
    program.run("up @one @nobody").says(2, "is unknown");
    program.run("status --check").says(1, "1 behind");
}

async fn a_dry_run_changes_nothing(world: &World) {
    let program = Program::new(world);
    program.well("create @one");
    program.well("create @two");
    program
        .run("up --dry-run")
        .says(0, "there is nothing to do");
    program.well("down @two --steps 3 --yes");
    let before = program.json("status", 0);
    let ran = program.well("up --dry-run");
    for text in [
        "-- 1 tenant: two-",
        "-- m20260101_000001_books",
        "CREATE TABLE",
        "'Returned'",
    ] {
        assert!(ran.out.contains(text), "{}", ran.out);
    }
    assert!(!ran.out.contains("-- 1 tenant: one-"), "{}", ran.out);
    let ran = program.well("up --dry-run --steps 1");
    assert!(!ran.out.contains("shelf"), "{}", ran.out);
    program.run("down @one --dry-run").says(0, "DROP COLUMN");
    assert_eq!(program.json("status", 0), before);
    program.run("drift").says(0, "2 as they should be");
}

async fn what_is_found_is_an_exit_code(world: &World) {
    let program = Program::new(world);
    program.well("create @one");
    program.well("create @two");
    program.well("down @one --yes");
    program
        .run("status")
        .says(0, "behind by m20260103_000001_lent");
    program.run("status --check").says(1, "1 behind");
    program.run("status @two --check").says(0, "1 up to date");
    program.run("drift --reference @two").says(1, "lent");
    let db = program.tenant("two").await;
    db.execute_unprepared("ALTER TABLE $tenant.shelf ADD COLUMN colour integer")
        .await
        .unwrap();
    program
        .run("drift")
        .says(1, "1 as they should be, 1 drifted");
    let drift = program.json("drift", 1);
    assert_eq!(drift["drifted"], 1);
    assert_eq!(drift["tenants"][0]["differences"][0]["name"], "colour");
    program.run("clone @two @three").says(2, "colour");
}

async fn one_that_fails_is_named(world: &World) {
    let program = Program::new(world);
    for name in ["one", "two", "three"] {
        program.well(&format!("create @{name}"));
    }
    program.well("down --yes");
    let db = program.tenant("two").await;
    db.execute_unprepared("DROP TABLE $tenant.book")
        .await
        .unwrap();
    let ran = program.run("up --workers 1");
    let two = program.id("two");
    assert!(ran.err.contains(&format!("{two}: failed")), "{}", ran.err);
    assert!(
        ran.out.contains("2 succeeded, 0 up to date, 1 failed"),
        "{}",
        ran.out
    );
    ran.says(1, "migration m20260103_000001_lent failed");
    let again = program.json("up", 1);
    assert_eq!(
        (&again["up_to_date"], &again["failed"]),
        (&2.into(), &1.into())
    );
}

async fn canaries_and_waves(world: &World) {
    let program = Program::new(world);
    for name in ["a", "b", "c"] {
        program.well(&format!("create @{name}"));
    }
    program.well("down --yes");
    let db = program.tenant("b").await;
    db.execute_unprepared("DROP TABLE $tenant.book")
        .await
        .unwrap();
    let b = program.id("b");
    let up = program.json(&format!("up --canary {b} --waves 10%,50%"), 1);
    assert_eq!((&up["failed"], &up["skipped"]), (&1.into(), &2.into()));
    assert_eq!(up["tenants"][0]["reason"], "a canary failed");
    program
        .run("up --canary 0.1% --workers 1 --max-failures 0 @a @c")
        .says(0, "2 succeeded");
    program.run("up --canary nobody").says(2, "is unknown");
    let file = world.path().join("tenants.txt");
    std::fs::write(&file, format!("{}\n", program.id("c"))).unwrap();
    let down = program.json(&format!("down --yes --tenants-file {}", file.display()), 0);
    assert_eq!(down["tenants"].as_array().unwrap().len(), 1);
    program.run("status c-*").says(0, "1 behind");
}

async fn the_shared_tables_have_migrations_of_their_own(world: &World) {
    let program = Program::new(world);
    program.run("shared status").says(0, "pending");
    program.run("shared status --check").says(1, "pending");
    let up = program.json("shared up", 0);
    assert_eq!(up["applied"][0], "m20260101_000001_countries");
    program.run("shared up").says(0, "nothing to do");
    program.run("shared status --check").says(0, "applied");
    let down = program.json("shared down --yes", 0);
    assert_eq!(down["taken_back"].as_array().unwrap().len(), 1);
}

/// Somebody holds a lock on the second tenant, so that the program is at work when it is told.
#[cfg(unix)]
async fn a_signal_asks_to_stop_and_two_end_it(world: &World) {
    let program = Program::new(world);
    for name in ["a", "b", "c"] {
        program.well(&format!("create @{name}"));
    }
    for signals in [1, 2] {
        program.well("down --yes");
        let held = held(&program, "b").await;
        let mut running = program.start("up --workers 1 --lock-timeout 60s --json");
        running.wait_for(&format!("{}: 1 migration", program.id("a")));
        running.signal("TERM");
        running.wait_for("stopping");
        if signals == 2 {
            running.signal("INT");
            assert_eq!(running.end().code, 130);
            held.0.rollback().await.unwrap();
            held.1.close().await.unwrap();
            program.well("up");
            continue;
        }
        held.0.rollback().await.unwrap();
        held.1.close().await.unwrap();
        let ran = running.end();
        assert_eq!(ran.code, 1, "{}", ran.err);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        // The second one was under way, or not begun yet.
        assert_eq!(
            (&report["failed"], &report["up_to_date"]),
            (&0.into(), &0.into())
        );
        assert_eq!(report["tenants"][2]["outcome"], "skipped");
        program.well("up");
        program.run("status --check").says(0, "3 up to date");
    }
}

async fn held(
    program: &Program<'_>,
    name: &str,
) -> (sea_orm::DatabaseTransaction, sea_orm::DatabaseConnection) {
    use sea_orm_tenant::TenantStore as _;
    let place = program
        .world
        .store
        .connection(&program.id(name))
        .await
        .unwrap();
    let db = Database::connect(plain(place.url())).await.unwrap();
    let tx = db.begin().await.unwrap();
    let schema = match program.world.server {
        Server::Sqlite => "main".to_owned(),
        server => SchemaName::for_tenant(&program.id(name)).quoted(server.backend()),
    };
    tx.execute_unprepared(&format!("DELETE FROM {schema}.book"))
        .await
        .unwrap();
    (tx, db)
}

/// Of each run it is looked at whether there is a password in what it writes.
async fn an_outage_is_told_without_secrets(world: &World) {
    let program = Program::new(world);
    let mut url = url::Url::parse(world.database.expose()).unwrap();
    if world.server != Server::Sqlite {
        url.set_password(Some("hunter2")).unwrap();
    }
    let bad = match world.server {
        Server::Sqlite => "sqlite:///proc/there/is/no/such/directory",
        _ => url.as_str(),
    };
    let unreachable = match world.server {
        Server::MySql => "mysql://u:hunter2@127.0.0.1:1/d",
        _ => "postgres://u:hunter2@127.0.0.1:1/d",
    };
    for (line, url) in [
        ("list", unreachable),
        ("list", bad),
        ("create @one", bad),
        ("up --json", bad),
        ("shared up -v", bad),
    ] {
        let mut command = program.command(line);
        command.env("DATABASE_URL", url).env("RUST_LOG", "trace");
        let ran = program.ran(command);
        let code = match world.server {
            Server::Sqlite if url == bad => 2,
            _ => 3,
        };
        assert_eq!(ran.code, code, "{line}: {}{}", ran.out, ran.err);
    }
    for line in [
        "shared up",
        "create @one",
        "down --yes",
        "up",
        "drift",
        "status",
        "list --json",
        "clone @one @two --data",
        "rename @two @three",
    ] {
        let mut command = program.command(&format!("{line} -v"));
        command.env("RUST_LOG", "trace");
        let ran = program.ran(command);
        assert_eq!(ran.code, 0, "{line}: {}{}", ran.out, ran.err);
    }
}
