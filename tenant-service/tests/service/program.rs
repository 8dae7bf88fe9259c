//! The program.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use super::{PASSWORD, World};

fn ran(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenant-service"));
    for variable in ["DATABASE_URL", "TENANT_SERVICE_KEYS"] {
        command.env_remove(variable);
    }
    command
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(directory)
        .output()
        .unwrap()
}

/// The program, run to its end. What it printed.
fn program(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let ran = ran(directory.path(), arguments, environment);
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{errors}");
    String::from_utf8(ran.stdout).unwrap()
}

/// What the program says of why it does not.
fn refused(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let ran = ran(directory, arguments, environment);
    assert!(!ran.status.success());
    assert!(ran.stdout.is_empty());
    String::from_utf8(ran.stderr).unwrap()
}

#[tokio::test]
async fn keys_are_changed_by_the_program() {
    let mut world = World::new().await;
    world.create("acme").await;
    world.create("globex").await;
    world.stop().await;
    let new = program(&["generate-key"], &[]).trim().to_owned();
    let both = format!("{new},{}", world.keys);
    let url = world.database();
    let environment = [
        ("DATABASE_URL", url.expose()),
        ("TENANT_SERVICE_KEYS", both.as_str()),
    ];
    assert_eq!(program(&["reseal"], &environment), "resealed       2\n");
    assert_eq!(program(&["reseal"], &environment), "resealed       0\n");

    // The old key is thrown away.
    world.keys = new;
    world.start().await;
    let placed = world.ask("GET", "/tenants/acme/connection").send().await;
    let placed: Value = placed.unwrap().json().await.unwrap();
    assert!(placed["url"].as_str().unwrap().contains(PASSWORD));
    world.stop().await;
}

#[test]
fn flags_in_front_of_a_command_are_refused_and_not_ignored() {
    let directory = tempfile::tempdir().unwrap();
    for flag in ["--database-url", "--keys", "--admin-token"] {
        for command in ["reseal", "generate-key", "serve"] {
            let said = refused(directory.path(), &[flag, "x", command], &[]);
            assert!(
                said.contains("cannot be used with"),
                "{flag} {command}: {said}"
            );
        }
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn resealing_makes_neither_a_database_nor_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let said = refused(directory.path(), &["reseal"], &[]);
    assert!(said.contains("tenant-service.sqlite.key"), "{said}");
    let key = program(&["generate-key"], &[]);
    for arguments in [
        &["reseal", "--keys", key.trim()][..],
        &[
            "reseal",
            "--keys",
            key.trim(),
            "--database-url",
            "sqlite://other.sqlite?mode=rwc",
        ],
    ] {
        let said = refused(directory.path(), arguments, &[]);
        assert!(said.contains("nothing to reseal"), "{said}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    // Nor tables.
    fs::write(directory.path().join("other.sqlite"), "").unwrap();
    let database = ("DATABASE_URL", "sqlite://other.sqlite?mode=rwc");
    let said = refused(
        directory.path(),
        &["reseal", "--keys", key.trim()],
        &[database],
    );
    assert!(said.contains("no such table"), "{said}");
    assert_eq!(
        fs::read(directory.path().join("other.sqlite")).unwrap(),
        b""
    );
}

#[test]
fn a_key_file_without_a_key_is_named() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("tenant-service.sqlite.key"), "").unwrap();
    let said = refused(directory.path(), &[], &[]);
    assert!(
        said.contains("the key file tenant-service.sqlite.key: "),
        "{said}"
    );
}
