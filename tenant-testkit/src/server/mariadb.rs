use std::{fs, path::PathBuf, process::Command, sync::Arc};

use rustix::process::Signal;
use tenant_core::DatabaseUrl;

use super::{Product, Server, process::Home, programs, public_server};
use crate::{TestkitError, scratch::Scratch};

public_server! {
    /// A throw-away MariaDB on 127.0.0.1; MySQL 8 where that is what is installed.
    ///
    /// It is stopped and its directory removed when this is dropped, and soon after when the process
    /// ends, also when it is killed.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), tenant_testkit::TestkitError> {
    /// let mariadb = tenant_testkit::MariaDb::builder()
    ///     .setting("max-connections", "10")
    ///     .start()?;
    /// # Ok(())
    /// # }
    /// ```
    MariaDb, MariaDbBuilder, Program
}

/// Settings of a [`MariaDb`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct MariaDbBuilder {
    durable: bool,
    settings: Vec<(String, String)>,
}

impl MariaDbBuilder {
    /// Waits for the disk at each commit, as a server in production does. Default: not so, which is
    /// faster, and loses data only when the machine stops.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// A setting of `my.cnf`: `.setting("max-connections", "10")`.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Starts it. Blocks, for a second or two.
    ///
    /// # Errors
    ///
    /// As [`MariaDb::start`].
    pub fn start(self) -> Result<MariaDb, TestkitError> {
        let program = Program::find(self)?;
        Ok(MariaDb(Server::start(program, Scratch::of_process()?)?))
    }

    pub(crate) fn start_in(self, scratch: Arc<Scratch>) -> Result<MariaDb, TestkitError> {
        Ok(MariaDb(Server::start(Program::find(self)?, scratch)?))
    }
}

/// The installed program, with its settings.
#[derive(Debug)]
struct Program {
    server: PathBuf,
    /// What makes its tables. MySQL does that itself.
    install: Option<PathBuf>,
    version: String,
    settings: MariaDbBuilder,
}

impl Program {
    fn find(settings: MariaDbBuilder) -> Result<Self, TestkitError> {
        let places = places();
        let not_installed = |programs: &[&'static str]| TestkitError::NotInstalled {
            product: "MariaDB",
            programs: programs.to_vec(),
            way_out: "install it (Debian: apt-get install mariadb-server; Fedora: dnf install \
                      mariadb-server; Homebrew: brew install mariadb) or MySQL 8, or set \
                      TEST_MYSQL_URL",
            looked_in: places
                .iter()
                .filter(|place| place.exists())
                .cloned()
                .collect(),
        };
        let servers = ["mariadbd", "mysqld"];
        let installers = ["mariadb-install-db", "mysql_install_db"];
        let server = programs::find(&servers, &places).ok_or_else(|| not_installed(&servers))?;
        // "mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu …"
        let printed = Command::new(&server)
            .args(["--no-defaults", "--version"])
            .output()
            .map_err(TestkitError::io("run mariadbd --version"))?;
        let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
        let install = if printed.contains("MariaDB") {
            let found = programs::find(&installers, &places);
            Some(found.ok_or_else(|| not_installed(&installers))?)
        } else {
            None
        };
        let version = printed
            .split_whitespace()
            .skip_while(|word| *word != "Ver")
            .nth(1)
            .and_then(|version| version.split('-').next())
            .unwrap_or_default();
        Ok(Self {
            server,
            install,
            version: version.to_owned(),
            settings,
        })
    }

    fn is_mysql(&self) -> bool {
        self.install.is_none()
    }
}

impl Product for Program {
    const NAME: &'static str = "mariadb";
    const STOP: &'static [Signal] = &[Signal::TERM];
    // It has nothing of the system's that would outlast it.
    const CRASH: &'static [Signal] = &[Signal::KILL];

    fn initialise(&self, home: &Home, password: &str) -> Result<(), TestkitError> {
        // Run at every start, so it must bear being run again. One statement a line.
        home.write(
            "init.sql",
            &format!(
                "CREATE DATABASE IF NOT EXISTS test;\n\
                 CREATE USER IF NOT EXISTS 'test'@'127.0.0.1' IDENTIFIED BY '{password}';\n\
                 GRANT ALL PRIVILEGES ON *.* TO 'test'@'127.0.0.1' WITH GRANT OPTION;\n"
            ),
        )?;
        let datadir = format!("--datadir={}", home.data().display());
        let (program, arguments) = match &self.install {
            Some(install) => (
                install,
                vec![
                    "--no-defaults".to_owned(),
                    datadir,
                    "--skip-name-resolve".to_owned(),
                    "--auth-root-authentication-method=normal".to_owned(),
                    "--skip-test-db".to_owned(),
                ],
            ),
            None => (
                &self.server,
                vec![
                    "--no-defaults".to_owned(),
                    "--initialize-insecure".to_owned(),
                    datadir,
                    format!("--secure-file-priv={}", home.path.display()),
                ],
            ),
        };
        home.prepare("MariaDB", program, &arguments)
    }

    fn command(&self, home: &Home, port: u16) -> (PathBuf, Vec<String>) {
        let path = |name: &str| home.path.join(name).display().to_string();
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={}", path("data")),
            format!("--tmpdir={}", home.path.display()),
            format!("--init-file={}", path("init.sql")),
            format!("--secure-file-priv={}", home.path.display()),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--port={port}"),
            "--skip-name-resolve".to_owned(),
            format!("--socket={}", path("socket")),
            format!("--pid-file={}", path("pid")),
            "--character-set-server=utf8mb4".to_owned(),
            "--max-connections=300".to_owned(),
            "--skip-log-bin".to_owned(),
            "--innodb-use-native-aio=0".to_owned(),
        ];
        if !self.settings.durable {
            arguments.push("--innodb-flush-log-at-trx-commit=0".to_owned());
        }
        if self.is_mysql() {
            // Its second protocol would listen on a fixed port.
            arguments.push("--loose-mysqlx=OFF".to_owned());
        }
        let own = &self.settings.settings;
        arguments.extend(own.iter().map(|(name, value)| format!("--{name}={value}")));
        (self.server.clone(), arguments)
    }

    /// Printed once it listens, and has run its file of first statements.
    fn is_ready(home: &Home, _pid: u32) -> bool {
        fs::read(home.log())
            .is_ok_and(|log| String::from_utf8_lossy(&log).contains("ready for connections"))
    }

    fn url(port: u16, password: &str) -> String {
        format!("mysql://test:{password}@127.0.0.1:{port}/test")
    }
}

/// Servers are often kept out of an ordinary user's `PATH`.
fn places() -> Vec<PathBuf> {
    [
        "/usr/sbin",
        "/usr/libexec",
        "/usr/local/sbin",
        "/usr/local/mysql/bin",
        "/usr/local/mariadb/bin",
        "/opt/homebrew/opt/mariadb/bin",
        "/opt/homebrew/opt/mysql/bin",
        "/usr/local/opt/mariadb/bin",
        "/usr/local/opt/mysql/bin",
        "/home/linuxbrew/.linuxbrew/opt/mariadb/bin",
        "/opt/local/lib/mariadb/bin",
    ]
    .map(PathBuf::from)
    .to_vec()
}
