//! Processes that are killed, and runs of processes. This binary is started again as one of them: a
//! test that finds `VICTIM` in its environment is the victim.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tenant_testkit::{MariaDb, Postgres, Sqlite, TestDatabase};

use crate::system::{is_gone, is_running, one, open};

const VICTIM: &str = "TENANT_TESTKIT_VICTIM";

#[test]
fn a_killed_process_leaves_no_server_and_no_directory() {
    if env::var_os(VICTIM).is_some() {
        let (postgres, mariadb) = (Postgres::start().unwrap(), MariaDb::start().unwrap());
        let files = Sqlite::new().unwrap();
        let mut pids = postgres.pids();
        pids.extend(mariadb.pids());
        say("directory", files.directory().parent().unwrap().display());
        for pid in pids {
            say("pid", pid);
        }
        wait_to_be_killed();
    }
    let mut victim = victim("killed::a_killed_process_leaves_no_server_and_no_directory");
    let said = listen(&mut victim);
    // PostgreSQL has helpers.
    assert!(said.pids.len() > 3, "{said:?}");
    assert!(said.pids.iter().all(|pid| is_running(*pid)), "{said:?}");
    assert!(said.directory.is_dir());
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(is_gone(&said.pids, &said.directory), "{said:?}");
}

#[test]
fn a_process_that_is_killed_while_a_server_starts_leaves_nothing() {
    if env::var_os(VICTIM).is_some() {
        let files = Sqlite::new().unwrap();
        say("directory", files.directory().parent().unwrap().display());
        say("pid", std::process::id());
        say_end();
        loop {
            let _started_and_ended = (Postgres::start(), MariaDb::start());
        }
    }
    let name = "killed::a_process_that_is_killed_while_a_server_starts_leaves_nothing";
    for moment in 0..5 {
        let mut victim = victim(name);
        let said = listen(&mut victim);
        // Not to wait for anything, but to be killed at another moment each time.
        std::thread::sleep(std::time::Duration::from_millis(moment * 150));
        victim.kill().unwrap();
        victim.wait().unwrap();
        assert!(is_gone(&said.pids, &said.directory), "{said:?}");
        let left = started_in(&said.directory);
        assert!(left.is_empty(), "after {moment}: {left:?}");
    }
}

#[test]
fn processes_of_a_run_of_nextest_have_one_server_and_leave_none() {
    if env::var_os(VICTIM).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            // The second one finds a directory that is watched already.
            let mariadb = TestDatabase::mariadb().await.unwrap();
            let db = open(mariadb.url()).await;
            say("port", one::<u64>(&db, "SELECT @@port").await);
            let database = TestDatabase::postgres().await.unwrap();
            let db = open(database.url()).await;
            let data: String = one(&db, "SHOW data_directory").await;
            say(
                "directory",
                PathBuf::from(data).ancestors().nth(2).unwrap().display(),
            );
            let main = one::<String>(&db, "SELECT pg_read_file('postmaster.pid')").await;
            say("pid", main.lines().next().unwrap());
        });
        return;
    }
    // The runner is this shell, and ends when it is told to.
    let again = format!(
        "'{}' --exact --nocapture {}",
        env::current_exe().unwrap().display(),
        "killed::processes_of_a_run_of_nextest_have_one_server_and_leave_none"
    );
    let run = format!("{:x}", fastrand::u64(..));
    let mut runner = Command::new("/bin/sh")
        .args([
            "-c",
            &format!("{again} & {again} & wait; {again}; echo; echo end; read _"),
        ])
        .env(VICTIM, "1")
        .env("NEXTEST_RUN_ID", run)
        .env_remove("TEST_POSTGRES_URL")
        .env_remove("TEST_MYSQL_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = listen(&mut runner);
    assert_eq!(said.pids.len(), 3, "{said:?}");
    said.pids.dedup();
    said.ports.dedup();
    assert_eq!((said.pids.len(), said.ports.len()), (1, 1), "{said:?}");
    // Those who asked for it have ended.
    assert!(is_running(said.pids[0]));
    drop(runner.stdin.take());
    runner.wait().unwrap();
    assert!(is_gone(&said.pids, &said.directory), "{said:?}");
}

/// This binary, as a process that runs one test as its victim.
fn victim(test: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(VICTIM, "1")
        .env_remove("NEXTEST_RUN_ID")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[derive(Debug, Default)]
struct Said {
    directory: PathBuf,
    pids: Vec<u32>,
    ports: Vec<u64>,
}

#[allow(clippy::print_stdout, reason = "it is said to another process")]
fn say(what: &str, value: impl std::fmt::Display) {
    // The test runner's own output does not end in a new line.
    println!("\nsaid {what} {value}");
}

#[allow(clippy::print_stdout, reason = "it is said to another process")]
fn say_end() {
    println!("\nend");
}

fn wait_to_be_killed() -> ! {
    say_end();
    loop {
        std::thread::park();
    }
}

fn listen(victim: &mut Child) -> Said {
    let mut said = Said::default();
    for line in BufReader::new(victim.stdout.as_mut().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["said", "directory", directory] => said.directory = directory.into(),
            ["said", "pid", pid] => said.pids.push(pid.parse().unwrap()),
            ["said", "port", port] => said.ports.push(port.parse().unwrap()),
            ["end"] => return said,
            _ => {}
        }
    }
    panic!("it ended: {said:?}")
}

/// Processes whose command line names something in the directory.
fn started_in(directory: &std::path::Path) -> Vec<String> {
    let inside = format!("{}/", directory.display());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(&inside))
        .collect()
}
