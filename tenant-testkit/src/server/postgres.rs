use std::{fs, path::PathBuf, process::Command, sync::Arc};

use rustix::process::Signal;
use tenant_core::DatabaseUrl;

use super::{Product, Server, process::Home, programs, public_server};
use crate::{TestkitError, scratch::Scratch};

public_server! {
    /// A throw-away PostgreSQL on 127.0.0.1, version 14 or newer.
    ///
    /// It is stopped and its directory removed when this is dropped, and soon after when the process
    /// ends, also when it is killed.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), tenant_testkit::TestkitError> {
    /// let mut postgres = tenant_testkit::Postgres::start()?;
    /// let url = postgres.url().clone();
    /// postgres.kill(); // what does the application do now?
    /// postgres.restart()?; // and now?
    /// # Ok(())
    /// # }
    /// ```
    Postgres, PostgresBuilder, Program
}

/// Settings of a [`Postgres`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct PostgresBuilder {
    durable: bool,
    settings: Vec<(String, String)>,
}

impl PostgresBuilder {
    /// Waits for the disk at each commit, as a server in production does. Default: not so, which is
    /// faster, and loses data only when the machine stops.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// A setting of `postgresql.conf`: `.setting("log_statement", "all")`.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Starts it. Blocks, for a second or two.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`].
    pub fn start(self) -> Result<Postgres, TestkitError> {
        let program = Program::find(self)?;
        Ok(Postgres(Server::start(program, Scratch::of_process()?)?))
    }

    pub(crate) fn start_in(self, scratch: Arc<Scratch>) -> Result<Postgres, TestkitError> {
        Ok(Postgres(Server::start(Program::find(self)?, scratch)?))
    }
}

/// Says of each line of the log which process wrote it, in which database.
pub(crate) const LOG_LINE_PREFIX: &str = "[%p/%d] ";

/// The installed program, with its settings.
#[derive(Debug)]
struct Program {
    directory: PathBuf,
    version: String,
    settings: PostgresBuilder,
}

impl Program {
    fn find(settings: PostgresBuilder) -> Result<Self, TestkitError> {
        const PROGRAMS: [&str; 2] = ["initdb", "postgres"];
        let places = places();
        let Some(directory) = programs::find_all(&PROGRAMS, &places) else {
            return Err(TestkitError::NotInstalled {
                product: "PostgreSQL",
                programs: PROGRAMS.to_vec(),
                way_out: "install version 14 or newer (Debian: apt-get install postgresql; Fedora: \
                          dnf install postgresql-server; Homebrew: brew install postgresql@18), or \
                          set TEST_POSTGRES_URL",
                looked_in: places.into_iter().filter(|place| place.exists()).collect(),
            });
        };
        // "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"
        let printed = Command::new(directory.join("postgres"))
            .arg("--version")
            .output()
            .map_err(TestkitError::io("run postgres --version"))?;
        let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
        let version = printed.split_whitespace().nth(2).unwrap_or_default();
        Ok(Self {
            directory,
            version: version.to_owned(),
            settings,
        })
    }
}

impl Product for Program {
    const NAME: &'static str = "postgres";
    // The fast way, then the immediate way.
    const STOP: &'static [Signal] = &[Signal::INT, Signal::QUIT];
    // Killed itself, it would leave its shared memory behind.
    const CRASH: &'static [Signal] = &[Signal::QUIT];

    fn initialise(&self, home: &Home, password: &str) -> Result<(), TestkitError> {
        let file = home.write("password", password)?;
        let arguments = [
            format!("--pgdata={}", home.data().display()),
            "--username=test".to_owned(),
            // In the clear: the others take milliseconds at each connection, in a debug build.
            "--auth=password".to_owned(),
            format!("--pwfile={}", file.display()),
            "--encoding=UTF8".to_owned(),
            "--no-locale".to_owned(),
            "--no-sync".to_owned(),
        ];
        home.prepare("PostgreSQL", &self.directory.join("initdb"), &arguments)
    }

    fn command(&self, home: &Home, port: u16) -> (PathBuf, Vec<String>) {
        let mut settings = vec![
            ("listen_addresses", "127.0.0.1"),
            // Nobody needs a socket, and its path might be too long.
            ("unix_socket_directories", ""),
            ("max_connections", "200"),
            ("log_line_prefix", LOG_LINE_PREFIX),
        ];
        if !self.settings.durable {
            settings.extend([
                ("fsync", "off"),
                ("synchronous_commit", "off"),
                ("full_page_writes", "off"),
            ]);
        }
        let own = &self.settings.settings;
        settings.extend(own.iter().map(|(name, value)| (&**name, &**value)));
        let mut arguments = vec![
            "-D".to_owned(),
            home.data().display().to_string(),
            "-p".to_owned(),
            port.to_string(),
        ];
        for (name, value) in settings {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        (self.directory.join("postgres"), arguments)
    }

    /// As `pg_ctl` finds it out: the last line of this file is the server's state.
    fn is_ready(home: &Home, pid: u32) -> bool {
        fs::read_to_string(home.data().join("postmaster.pid")).is_ok_and(|file| {
            let mut lines = file.lines().map(str::trim);
            lines.next() == Some(&*pid.to_string()) && lines.nth(6) == Some("ready")
        })
    }

    fn url(port: u16, password: &str) -> String {
        format!("postgres://test:{password}@127.0.0.1:{port}/postgres")
    }
}

/// Where distributions keep it, newest version first: most of them not in `PATH`. 14 is the oldest
/// version that we support.
fn places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    for version in (14..=40).rev() {
        places.extend(
            [
                format!("/usr/lib/postgresql/{version}/bin"),
                format!("/usr/pgsql-{version}/bin"),
                format!("/usr/lib/postgresql{version}/bin"),
                format!("/usr/libexec/postgresql{version}"),
                format!("/opt/homebrew/opt/postgresql@{version}/bin"),
                format!("/usr/local/opt/postgresql@{version}/bin"),
                format!("/home/linuxbrew/.linuxbrew/opt/postgresql@{version}/bin"),
                format!("/opt/local/lib/postgresql{version}/bin"),
                format!("/Library/PostgreSQL/{version}/bin"),
                format!("/Applications/Postgres.app/Contents/Versions/{version}/bin"),
            ]
            .map(PathBuf::from),
        );
    }
    places.push("/usr/local/pgsql/bin".into());
    places
}
