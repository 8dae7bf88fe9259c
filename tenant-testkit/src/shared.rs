//! The servers that tests have in common: one of each product for a test process, or, where each test
//! is a process, for the whole run.

use std::{
    env, fs,
    io::Write as _,
    os::unix::{fs::OpenOptionsExt as _, process::parent_id},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tenant_core::DatabaseUrl;

use crate::{MariaDb, Postgres, TestkitError, scratch::Scratch};

/// A server that tests have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shared {
    Postgres,
    MariaDb,
}

impl Shared {
    /// Its URL. It is started when it is first asked for, unless the environment names one. Blocks.
    pub(crate) fn url(self) -> Result<DatabaseUrl, TestkitError> {
        static POSTGRES: Mutex<Option<DatabaseUrl>> = Mutex::new(None);
        static MARIADB: Mutex<Option<DatabaseUrl>> = Mutex::new(None);
        if let Ok(url) = env::var(self.variable()) {
            return Ok(DatabaseUrl::new(url)?);
        }
        let known = match self {
            Self::Postgres => &POSTGRES,
            Self::MariaDb => &MARIADB,
        };
        // Whoever comes meanwhile waits for the first.
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = &*known {
            return Ok(url.clone());
        }
        let url = match env::var("NEXTEST_RUN_ID") {
            Ok(run) => self.of_run(&run)?,
            Err(_) => self.start(Scratch::of_process()?)?,
        };
        *known = Some(url.clone());
        Ok(url)
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Postgres => "TEST_POSTGRES_URL",
            Self::MariaDb => "TEST_MYSQL_URL",
        }
    }

    /// It runs until its scratch is removed. Statics are not dropped when a process ends.
    fn start(self, scratch: Arc<Scratch>) -> Result<DatabaseUrl, TestkitError> {
        Ok(match self {
            Self::Postgres => Postgres::builder().start_in(scratch)?.leave(),
            Self::MariaDb => MariaDb::builder().start_in(scratch)?.leave(),
        })
    }

    /// The server of a run of nextest, which has a process for each test. It ends with our parent, the
    /// runner.
    fn of_run(self, run: &str) -> Result<DatabaseUrl, TestkitError> {
        let directory = Scratch::path_of_run(run)?;
        let failed = |what: &str| TestkitError::io(format!("{what} in {}", directory.display()));
        fs::create_dir_all(&directory).map_err(failed("share servers"))?;
        // Held until this returns. Of tests that want the server at once, one starts it.
        let turn = fs::File::create(directory.join("turn")).map_err(failed("share servers"))?;
        turn.lock().map_err(failed("share servers"))?;
        let file = directory.join(self.variable());
        if let Ok(url) = fs::read_to_string(&file) {
            return Ok(DatabaseUrl::new(url)?);
        }
        let scratch = Arc::new(Scratch::of_run(&directory, parent_id())?);
        let url = self.start(scratch)?;
        write_secret(&file, url.expose()).map_err(failed("note a server"))?;
        Ok(url)
    }
}

/// All of it, or nothing, to be read by us alone.
fn write_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    let begun = path.with_extension("begun");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&begun)?;
    file.write_all(secret.as_bytes())?;
    fs::rename(&begun, path)
}
