//! What is wrong with settings is said in words, and ends the program with 1.

use std::{fs, net::TcpListener, process::Output};

use crate::program::command;

/// Runs a program that must not start, and returns what it says.
fn refused(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let data = tempfile::tempdir().unwrap();
    let mut command = command();
    command.arg("--data").arg(data.path());
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(arguments)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stdout.is_empty());
    assert!(!stderr.contains("hunter2"), "{stderr}");
    let said = stderr
        .lines()
        .last()
        .and_then(|line| line.strip_prefix("library: "));
    said.expect(&stderr).to_owned()
}

#[test]
fn a_database_that_is_none() {
    let said = |url| refused(&[], &[("DATABASE_URL", url)]);
    assert!(said("hunter2").contains("a database URL is not a URL"));
    assert!(said("sqlite:///hunter2").contains("--data"));
    let said = said("postgres://app:hunter2@127.0.0.1:1/app");
    assert!(
        said.contains("a PostgreSQL data source is unavailable"),
        "{said}"
    );
}

#[test]
fn a_tenant_file_that_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("libraries.json");
    let said = || refused(&["--tenants", file.to_str().unwrap()], &[]);
    assert!(said().contains(file.to_str().unwrap()), "{}", said());
    fs::write(&file, "{").unwrap();
    assert!(said().contains("the tenant file: EOF"), "{}", said());
    fs::write(&file, r#"{"tenants": [{"id": "Riverside"}]}"#).unwrap();
    assert!(
        said().contains("tenant id \"Riverside\" is invalid"),
        "{}",
        said()
    );
}

#[test]
fn a_tenant_service_that_does_not_answer() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{nobody}");
    let service = [
        ("TENANT_SERVICE_URL", url.as_str()),
        ("TENANT_SERVICE_TOKEN", "hunter2"),
    ];
    let said = refused(&[], &service);
    assert!(said.contains("the tenant store is unavailable"), "{said}");
}

#[test]
fn an_address_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_library"))
        .env_remove("DATABASE_URL")
        .env_remove("TENANT_SERVICE_URL")
        .args(["--listen", &address, "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains(&format!("library: {address}: ")),
        "{stderr}"
    );
}
