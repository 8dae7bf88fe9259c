//! How much memory a migrator takes: a process of its own, which does nothing else.

use std::process::Command;

use crate::BoxError;

/// The most bytes that a process of this program had while it added a column to so many tenants.
pub fn of(url: &str, tenants: usize, migrations: usize, workers: usize) -> Result<u64, BoxError> {
    let output = Command::new(std::env::current_exe()?)
        .env("TEST_POSTGRES_URL", url)
        .arg("fleet")
        .arg(format!("--tenants={tenants}"))
        .arg(format!("--workers={workers}"))
        .arg(format!("--only-up-to={migrations}"))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The most bytes that this process had.
pub fn peak() -> Result<u64, BoxError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.ok_or("Linux tells the size of a process, and this system does not")?;
    let kilobytes: u64 = kilobytes.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024)
}
