use sea_orm::ConnectionTrait as _;
use tenant_testkit::{MariaDb, Postgres, Sqlite, TestkitError};

use crate::system::{is_gone, is_running, one, open};

#[tokio::test]
async fn postgres_has_the_settings_that_it_was_given() {
    let fast = Postgres::builder()
        .setting("work_mem", "7MB")
        .start()
        .unwrap();
    let db = open(fast.url()).await;
    assert_eq!(one::<String>(&db, "SHOW work_mem").await, "7MB");
    assert_eq!(one::<String>(&db, "SHOW fsync").await, "off");
    let durable = Postgres::builder().durable().start().unwrap();
    let db = open(durable.url()).await;
    assert_eq!(one::<String>(&db, "SHOW fsync").await, "on");
    assert_eq!(one::<String>(&db, "SHOW synchronous_commit").await, "on");
    let version: String = one(&db, "SHOW server_version").await;
    assert!(version.starts_with(durable.version()), "{version}");
}

#[tokio::test]
async fn mariadb_has_the_settings_that_it_was_given() {
    let durable = MariaDb::builder()
        .durable()
        .setting("max-connections", "17")
        .start()
        .unwrap();
    let db = open(durable.url()).await;
    assert_eq!(one::<u64>(&db, "SELECT @@max_connections").await, 17);
    let flush = "SELECT @@innodb_flush_log_at_trx_commit";
    assert_eq!(one::<u64>(&db, flush).await, 1);
    let version: String = one(&db, "SELECT version()").await;
    assert!(version.starts_with(durable.version()), "{version}");
}

/// Written as a macro: the servers have the same methods, and no trait in common.
macro_rules! keeps_its_rows {
    ($server:ident) => {{
        let mut server = $server::builder().durable().start().unwrap();
        let url = server.url().clone();
        let db = open(&url).await;
        db.execute_unprepared("CREATE TABLE kept (id integer)")
            .await
            .unwrap();
        for (insert, ends) in [
            (1, $server::stop as fn(&mut $server)),
            (2, $server::kill),
            (3, |server| server.restart().unwrap()),
        ] {
            let db = open(&url).await;
            let insert = format!("INSERT INTO kept VALUES ({insert})");
            db.execute_unprepared(&insert).await.unwrap();
            let before = server.pids();
            ends(&mut server);
            assert!(!before.iter().any(|pid| is_running(*pid)), "{before:?}");
            server.restart().unwrap();
            assert_eq!(server.url(), &url);
        }
        let db = open(&url).await;
        assert_eq!(one::<i64>(&db, "SELECT count(*) FROM kept").await, 3);
        let pids = server.pids();
        assert!(pids.iter().all(|pid| is_running(*pid)), "{pids:?}");
        let directory = server.directory().to_owned();
        drop(server);
        assert!(!pids.iter().any(|pid| is_running(*pid)), "{pids:?}");
        assert!(!directory.exists());
    }};
}

#[tokio::test]
async fn postgres_keeps_its_rows_when_it_is_stopped_or_killed() {
    keeps_its_rows!(Postgres);
}

#[tokio::test]
async fn mariadb_keeps_its_rows_when_it_is_stopped_or_killed() {
    keeps_its_rows!(MariaDb);
}

#[tokio::test]
async fn each_connection_to_postgres_is_a_process_of_it() {
    let server = Postgres::start().unwrap();
    let db = open(server.url()).await;
    let pid: i32 = one(&db, "SELECT pg_backend_pid()").await;
    assert!(server.pids().contains(&u32::try_from(pid).unwrap()));
}

#[test]
fn what_a_server_says_is_in_the_error() {
    let refused = Postgres::builder().setting("no_such_setting", "1").start();
    let Err(TestkitError::Server { log, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(log.contains("no_such_setting"), "{log}");
    let refused = MariaDb::builder().setting("no-such-setting", "1").start();
    let Err(TestkitError::Server { log, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(log.contains("no-such-setting"), "{log}");
}

#[test]
fn no_password_is_printed() {
    let server = Postgres::start().unwrap();
    let url = url::Url::parse(server.url().expose()).unwrap();
    let password = url.password().unwrap();
    assert_eq!(password.len(), 32);
    assert!(!format!("{server:?}").contains(password), "{server:?}");
}

#[test]
fn files_are_gone_when_they_are_dropped() {
    let files = Sqlite::new().unwrap();
    let directory = files.directory().to_owned();
    assert!(directory.join("tenants").is_dir());
    drop(files);
    assert!(is_gone(&[], &directory));
}
