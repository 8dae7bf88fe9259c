//! Where servers and files of a process are, and how nothing of it is left.

mod sweep;

use std::{
    env,
    fs::{self, TryLockError},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{TestkitError, server::account::Account};

/// Directories of scratch begin so; the process id follows.
pub(crate) const PREFIX: &str = "tenant-testkit.";
/// The file that whoever watches a directory has locked.
const LOCK: &str = "watched";

/// A directory that is gone, with all servers in it, when this process is, or the test run that it is
/// part of.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    /// Its standard input ends with this process. Scratch of a test run may have one already.
    watchdog: Option<Child>,
    count: AtomicUsize,
}

impl Scratch {
    /// That of this process, made when it is first asked for.
    pub(crate) fn of_process() -> Result<Arc<Self>, TestkitError> {
        static SCRATCH: Mutex<Option<Arc<Scratch>>> = Mutex::new(None);
        let mut scratch = SCRATCH.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scratch) = &*scratch {
            return Ok(Arc::clone(scratch));
        }
        let account = Account::of_servers()?;
        let base = base_for(&account)?;
        sweep::abandoned(&base);
        let path = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}.", process::id()))
            .tempdir_in(&base)
            .map_err(TestkitError::io(format!(
                "make a directory in {}",
                base.display()
            )))?;
        let_servers_pass(path.path())?;
        let made = Arc::new(Self::watched(path.path(), None)?);
        // From here on it is the watchdog's to remove.
        let _kept = path.keep();
        *scratch = Some(Arc::clone(&made));
        Ok(made)
    }

    /// That of a run of tests in many processes, which ends with the process `runner`. Whoever calls
    /// has made the directory, and seen to it that no other process does the same now.
    pub(crate) fn of_run(path: &Path, runner: u32) -> Result<Self, TestkitError> {
        let_servers_pass(path)?;
        Self::watched(path, Some(runner))
    }

    /// Where scratch of a test run is; `run` is its name.
    pub(crate) fn path_of_run(run: &str) -> Result<PathBuf, TestkitError> {
        let base = base_for(&Account::of_servers()?)?;
        let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        // Half of a UUID is enough, and a whole one makes a socket's path too long.
        let run: String = run.chars().map(safe).take(18).collect();
        Ok(base.join(format!("{PREFIX}run-{run}")))
    }

    fn watched(path: &Path, runner: Option<u32>) -> Result<Self, TestkitError> {
        let locking = || TestkitError::io(format!("lock {}", path.display()));
        let lock = fs::File::create(path.join(LOCK)).map_err(locking())?;
        let watchdog = match lock.try_lock() {
            Ok(()) => Some(watch(path, runner, lock)?),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(error)) => return Err(locking()(error)),
        };
        Ok(Self {
            path: path.to_owned(),
            watchdog,
            count: AtomicUsize::new(0),
        })
    }

    /// A name in it that nothing has yet. The directory is not made.
    pub(crate) fn unused(&self, what: &str) -> PathBuf {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        // In scratch of a test run, other processes count, too.
        self.path.join(format!("{what}-{}-{number}", process::id()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The process id of the one that removes it, if we have started that.
    pub(crate) fn watchdog(&self) -> Option<u32> {
        self.watchdog.as_ref().map(Child::id)
    }
}

/// Starts the one that outlives this process, or that other one, and holds the lock until then.
fn watch(path: &Path, runner: Option<u32>, lock: fs::File) -> Result<Child, TestkitError> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", include_str!("watchdog.sh"), "tenant-testkit-watchdog"])
        .arg(path)
        .args(runner.map(|runner| runner.to_string()))
        .current_dir("/")
        .stdin(if runner.is_some() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stdout(lock)
        .stderr(Stdio::null())
        // Out of reach of the terminal's Ctrl-C, and of runners that kill a test's group.
        .process_group(0);
    command
        .spawn()
        .map_err(TestkitError::io("start a watchdog (/bin/sh)"))
}

/// Those who run the servers pass through the directory, and do not see what else is there.
fn let_servers_pass(path: &Path) -> Result<(), TestkitError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o711))
        .map_err(TestkitError::io(format!("open {}", path.display())))
}

/// A directory for temporary files that the servers' user may use, too. Root's own is often closed.
fn base_for(account: &Account) -> Result<PathBuf, TestkitError> {
    /// A socket's path has at most 107 bytes (103 on macOS), and MariaDB insists on one.
    const LONGEST: usize = 45;
    let preferred = env::temp_dir();
    let fallback = PathBuf::from("/tmp");
    for base in [&preferred, &fallback] {
        let Ok(base) = base.canonicalize() else {
            continue;
        };
        if base.as_os_str().len() <= LONGEST && account.may_enter(&base) {
            return Ok(base);
        }
    }
    Err(TestkitError::Io {
        doing: format!(
            "use {} or /tmp for throw-away servers (set TMPDIR to a directory that {account} may enter)",
            preferred.display()
        ),
        source: std::io::ErrorKind::PermissionDenied.into(),
    })
}
