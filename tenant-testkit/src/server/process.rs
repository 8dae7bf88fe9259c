use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use std::os::unix::{fs::DirBuilderExt as _, process::CommandExt as _};

use rustix::process::{Pid, Signal, kill_process};

use super::account::Account;
use crate::TestkitError;

/// A server has this long to start, and a program that prepares one to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

const POLL: Duration = Duration::from_millis(10);

/// The directory of one server: its data, its log, its process id.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) path: PathBuf,
    account: Account,
}

impl Home {
    pub(super) fn make(path: PathBuf) -> Result<Self, TestkitError> {
        let account = Account::of_servers()?;
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(TestkitError::io(format!("make {}", path.display())))?;
        let home = Self { path, account };
        home.account.own(&home.path)?;
        Ok(home)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Writes a file that only the server's user can read.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf, TestkitError> {
        use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
        let path = self.path.join(name);
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(content.as_bytes()));
        written.map_err(TestkitError::io(format!("write {}", path.display())))?;
        self.account.own(&path)?;
        Ok(path)
    }

    /// Runs a program that prepares the server, to its end.
    pub(super) fn prepare(
        &self,
        product: &'static str,
        program: &Path,
        arguments: &[String],
    ) -> Result<(), TestkitError> {
        let mut child = self.launch(program, arguments)?;
        match ended(&mut child, PATIENCE) {
            Some(status) if status.success() => Ok(()),
            _ => {
                stop(&mut child, &[]);
                Err(self.failed(product, "could not be initialised"))
            }
        }
    }

    /// Starts a program as the server's user, printing to the log.
    ///
    /// Its process id is in a file before it begins, for the watchdog, and it does not begin where
    /// there can be none. What it is told of its surroundings is ours to say: directories of ours may
    /// be closed to it, and we read its messages.
    pub(super) fn launch(
        &self,
        program: &Path,
        arguments: &[String],
    ) -> Result<Child, TestkitError> {
        const NOTE_AND_BEGIN: &str = r#"echo $$ >"$0.new" && mv "$0.new" "$0" && exec "$@""#;
        let starting = || format!("start {}", program.display());
        let log = File::create(self.log())
            .and_then(|log| Ok((log.try_clone()?, log)))
            .map_err(TestkitError::io(starting()))?;
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", NOTE_AND_BEGIN])
            .arg(self.path.join("server.pid"))
            .arg(program)
            .args(arguments)
            .current_dir(&self.path)
            .env("HOME", &self.path)
            .env("TMPDIR", &self.path)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log.0)
            .stderr(log.1)
            // Out of reach of the terminal's Ctrl-C.
            .process_group(0);
        self.account.run(&mut command);
        command.spawn().map_err(TestkitError::io(starting()))
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    pub(super) fn failed(&self, product: &'static str, what: &str) -> TestkitError {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        TestkitError::Server {
            product,
            what: what.to_owned(),
            log: lines[lines.len().saturating_sub(40)..].join("\n"),
        }
    }

    /// Nothing runs in it any more.
    pub(super) fn note_stopped(&self) {
        let _gone = fs::remove_file(self.path.join("server.pid"));
    }

    pub(super) fn remove(&self) {
        // What is left is the watchdog's.
        let _gone = fs::remove_dir_all(&self.path);
    }
}

/// Sends the signals, mildest first and SIGKILL last, until the process has ended. Each has ten
/// seconds, and is sent once a second: a server that is still starting may forget the first.
pub(super) fn stop(child: &mut Child, signals: &[Signal]) {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    for &signal in signals.iter().chain([&Signal::KILL]) {
        for _ in 0..10 {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            // Not waited for yet, so the id is still its own.
            let _ended = kill_process(pid, signal);
            if ended(child, Duration::from_secs(1)).is_some() {
                return;
            }
        }
    }
}

/// Waits for the process, at most so long.
fn ended(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(POLL);
    }
}

/// Asks until it is so, the process has ended, or patience has.
pub(super) fn wait_until_ready(child: &mut Child, is_ready: impl Fn(u32) -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        if is_ready(child.id()) {
            return true;
        }
        thread::sleep(POLL);
    }
    false
}
