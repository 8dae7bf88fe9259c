//! How much memory the server's processes have for themselves.

use sea_orm::sqlx::{Connection as _, Row as _, query};

use crate::{BoxError, server::Server};

/// The bytes that the processes behind these connections have in common with nobody, or share among
/// fewer than all: proportional set size, without what is mapped from files and shared memory.
///
/// # Errors
///
/// When the server runs elsewhere, or as somebody whose processes may not be looked at.
pub async fn of_connections(server: &Server, application: &str) -> Result<u64, BoxError> {
    let mut db = server.connect().await?;
    let select = query("SELECT pid FROM pg_stat_activity WHERE application_name = $1");
    let rows = select.bind(application).fetch_all(&mut db).await?;
    db.close().await?;
    let mut bytes = 0;
    for row in rows {
        bytes += anonymous(row.try_get::<i32, _>(0)?)?;
    }
    Ok(bytes)
}

fn anonymous(process: i32) -> Result<u64, BoxError> {
    let path = format!("/proc/{process}/smaps_rollup");
    let rollup = std::fs::read_to_string(&path)
        .map_err(|error| format!("{path} tells the size of a process on Linux: {error}"))?;
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Pss_Anon:"));
    let kilobytes = line.ok_or("Linux tells `Pss_Anon` from version 5.4 on")?;
    let kilobytes: u64 = kilobytes.trim().trim_end_matches("kB").trim_end().parse()?;
    Ok(kilobytes * 1024)
}

/// For a table.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
