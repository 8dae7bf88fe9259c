//! What the figures were measured on, and with.

use std::{fs, process::Command, thread, time::SystemTime};

use crate::{BoxError, report::Report, server::Server};

/// Says it.
///
/// # Errors
///
/// The server's.
pub async fn describe(report: &Report, server: &Server) -> Result<(), BoxError> {
    let cores = thread::available_parallelism()?;
    report.say(format!(
        "- {}, machine of {cores} cores ({}), which the server shares",
        humantime::format_rfc3339_seconds(SystemTime::now()),
        processor()
    ));
    report.say(format!(
        "- {}; SeaORM {}, sqlx {}; release profile",
        compiler(),
        locked("sea-orm"),
        locked("sqlx"),
    ));
    report.say(format!("- PostgreSQL: {}", server.described().await?));
    Ok(())
}

fn processor() -> String {
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    model.map_or("unknown", |(_, model)| model).to_owned()
}

fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    output.map_or_else(
        |_| "rustc of an unknown version".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The version of a dependency.
fn locked(name: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{name}\"\nversion = \"");
    let version = lock
        .split_once(&entry)
        .and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("unknown", |(version, _)| version)
}
