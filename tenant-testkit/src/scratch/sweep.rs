use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{LOCK, PREFIX};

/// Removes what nobody watches: a process and its watchdog were killed at once, or the machine was
/// switched off.
pub(super) fn abandoned(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let is_scratch = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_scratch && is_abandoned(&entry.path()) {
            remove(&entry.path());
        }
    }
}

fn is_abandoned(directory: &Path) -> bool {
    /// A directory is watched only a moment after it was made.
    const NEW: Duration = Duration::from_secs(60);
    let is_old = fs::metadata(directory)
        .and_then(|data| data.modified())
        .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > NEW));
    is_old
        && match File::open(directory.join(LOCK)) {
            // Not a process id is asked, which another container would not know, or somebody else
            // may have by now: the lock is the watchdog's and ends with it.
            Ok(lock) => lock.try_lock().is_ok(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        }
}

fn remove(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let pid = fs::read_to_string(entry.path().join("server.pid"));
        let pid = pid.ok().and_then(|pid| pid.trim().parse().ok());
        if let Some(pid) = pid.and_then(Pid::from_raw)
            && is_started_in(pid, &entry.path())
        {
            // What it would write in its end is removed anyway.
            let _gone = kill_process(pid, Signal::KILL);
        }
    }
    // Whoever is at it, too, may be quicker.
    let _gone = fs::remove_dir_all(directory);
}

/// Whether that process is a server whose data are there: its id may be another's by now.
fn is_started_in(pid: Pid, directory: &Path) -> bool {
    // A watchdog that did not come to its end had renamed it.
    let directory = directory.to_string_lossy().replacen(".gone/", "/", 1);
    command_line(pid).is_some_and(|line| line.contains(&directory))
}

fn command_line(pid: Pid) -> Option<String> {
    let pid = pid.as_raw_nonzero();
    // A minimal container has no ps.
    if let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) {
        return Some(String::from_utf8_lossy(&line).into_owned());
    }
    let listed = Command::new("ps")
        .args(["-o", "args=", "-p", &pid.to_string()])
        .stdin(Stdio::null())
        .output();
    Some(String::from_utf8_lossy(&listed.ok()?.stdout).into_owned())
}
