//! What the operating system says of processes and directories, and of databases what they say.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, Statement};
use tenant_core::DatabaseUrl;

pub fn is_running(pid: u32) -> bool {
    // One that nobody has waited for is there, and does not run.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
        state != Some(Some('Z'))
    })
}

/// Whether all of it is gone, within the time that the watchdog gives a server.
pub fn is_gone(pids: &[u32], directory: &Path) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while pids.iter().any(|pid| is_running(*pid)) || is_there(directory) {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

/// The watchdog gives a directory another name before it removes it.
fn is_there(directory: &Path) -> bool {
    directory.exists() || directory.with_added_extension("gone").exists()
}

pub async fn open(url: &DatabaseUrl) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url.expose());
    options.max_connections(1).idle_timeout(None);
    Database::connect(options).await.unwrap()
}

pub async fn one<T: sea_orm::TryGetable>(db: &DatabaseConnection, sql: &str) -> T {
    let ask = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(ask).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
