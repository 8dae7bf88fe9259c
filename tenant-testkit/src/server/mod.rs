//! Throw-away servers: what those of all products have in common.

pub(crate) mod account;
mod mariadb;
mod postgres;
mod process;
mod programs;
mod sqlite;
mod tree;

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process::Child,
    sync::Arc,
};

use rustix::process::Signal;
use tenant_core::DatabaseUrl;

pub(crate) use self::postgres::LOG_LINE_PREFIX;
use self::process::Home;
pub use self::{
    mariadb::{MariaDb, MariaDbBuilder},
    postgres::{Postgres, PostgresBuilder},
    sqlite::Sqlite,
};
use crate::{TestkitError, scratch::Scratch};

/// What is particular to one kind of server.
trait Product {
    const NAME: &'static str;
    /// Ask it to end as it should, mildest first.
    const STOP: &'static [Signal];
    /// Ends it as a crash does, without leaving anything of the system's behind.
    const CRASH: &'static [Signal];

    /// Makes what it needs to start.
    fn initialise(&self, home: &Home, password: &str) -> Result<(), TestkitError>;
    /// The program and its arguments.
    fn command(&self, home: &Home, port: u16) -> (PathBuf, Vec<String>);
    /// Whether the process with this id, started in that home, answers.
    fn is_ready(home: &Home, pid: u32) -> bool;
    fn url(port: u16, password: &str) -> String;
}

/// A server of a product. It ends when this is dropped.
struct Server<P: Product> {
    product: P,
    home: Home,
    port: u16,
    url: DatabaseUrl,
    child: Option<Child>,
    scratch: Arc<Scratch>,
}

impl<P: Product> Server<P> {
    fn start(product: P, scratch: Arc<Scratch>) -> Result<Self, TestkitError> {
        let home = Home::make(scratch.unused(P::NAME))?;
        let password = password()?;
        let mut server = Self {
            port: 0,
            url: DatabaseUrl::new(P::url(0, &password))?,
            product,
            home,
            child: None,
            scratch,
        };
        server.product.initialise(&server.home, &password)?;
        for _ in 0..5 {
            server.port = free_port()?;
            if server.launch()? {
                server.url = DatabaseUrl::new(P::url(server.port, &password))?;
                return Ok(server);
            }
            // Somebody may have taken the port since we looked.
            if !server
                .log()
                .to_ascii_lowercase()
                .contains("address already in use")
            {
                break;
            }
        }
        Err(server.home.failed(P::NAME, "did not start"))
    }

    /// Whether it became ready.
    fn launch(&mut self) -> Result<bool, TestkitError> {
        let (program, arguments) = self.product.command(&self.home, self.port);
        let mut child = self.home.launch(&program, &arguments)?;
        let is_ready = process::wait_until_ready(&mut child, |pid| P::is_ready(&self.home, pid));
        self.child = Some(child);
        if !is_ready {
            self.end(P::CRASH);
        }
        Ok(is_ready)
    }

    fn end(&mut self, signals: &[Signal]) {
        if let Some(mut child) = self.child.take() {
            process::stop(&mut child, signals);
            self.home.note_stopped();
        }
    }

    fn restart(&mut self) -> Result<(), TestkitError> {
        self.end(P::STOP);
        if self.launch()? {
            return Ok(());
        }
        Err(self.home.failed(P::NAME, "did not start again"))
    }

    fn log(&self) -> String {
        let log = fs::read(self.home.log()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn pids(&self) -> Vec<u32> {
        self.child
            .as_ref()
            .map(|child| tree::of(child.id()))
            .unwrap_or_default()
    }

    /// Lets it run for as long as its scratch is watched.
    fn leave(mut self) -> DatabaseUrl {
        drop(self.child.take());
        let url = self.url.clone();
        std::mem::forget(self);
        url
    }
}

impl<P: Product> Drop for Server<P> {
    fn drop(&mut self) {
        self.end(P::CRASH);
        self.home.remove();
    }
}

/// What Debug shows of a server. Its URL holds a password.
impl<P: Product> std::fmt::Debug for Server<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(P::NAME)
            .field("port", &self.port)
            .field("pid", &self.child.as_ref().map(Child::id))
            .field("directory", &self.home.path)
            .field("watchdog", &self.scratch.watchdog())
            .finish()
    }
}

/// Below the ports that operating systems hand out for outgoing connections: what is free now must
/// still be free when the server asks for it.
fn free_port() -> Result<u16, TestkitError> {
    let mut refused = None;
    for _ in 0..100 {
        let port = fastrand::u16(20_000..32_000);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => refused = Some(error),
        }
    }
    Err(TestkitError::Io {
        doing: "find a free port on 127.0.0.1".to_owned(),
        source: refused.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()),
    })
}

/// Whoever can log in can have the server run programs for them: other users of this machine must
/// not be able to guess it.
fn password() -> Result<String, TestkitError> {
    use std::{fmt::Write as _, io::Read as _};
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(TestkitError::io("read /dev/urandom"))?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    }))
}

/// Defines the public type of a product's server: all have the same methods.
macro_rules! public_server {
    ($(#[$doc:meta])* $name:ident, $builder:ident, $product:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name($crate::server::Server<$product>);

        impl $name {
            /// Starts one with settings that suit tests.
            ///
            /// Blocks, for a second or two.
            ///
            /// # Errors
            ///
            /// [`TestkitError::NotInstalled`], [`TestkitError::NoUser`], [`TestkitError::Server`]
            /// with the end of the server's log, [`TestkitError::Io`].
            pub fn start() -> Result<Self, TestkitError> {
                Self::builder().start()
            }

            /// To start one with other settings.
            pub fn builder() -> $builder {
                $builder::default()
            }

            /// Its database for maintenance, with a user that may do everything. The same after a
            /// [`restart`](Self::restart).
            #[must_use]
            pub fn url(&self) -> &DatabaseUrl {
                &self.0.url
            }

            /// The port on 127.0.0.1.
            #[must_use]
            pub fn port(&self) -> u16 {
                self.0.port
            }

            /// The version of the program: `15.18`.
            #[must_use]
            pub fn version(&self) -> &str {
                &self.0.product.version
            }

            /// The ids of its processes, the main one first; none while it is stopped. On PostgreSQL
            /// each connection is a process.
            #[must_use]
            pub fn pids(&self) -> Vec<u32> {
                self.0.pids()
            }

            /// What it has printed since it was last started.
            #[must_use]
            pub fn log(&self) -> String {
                self.0.log()
            }

            /// The directory of all that it has: its data are in `data`.
            #[must_use]
            pub fn directory(&self) -> &std::path::Path {
                &self.0.home.path
            }

            /// Ends all connections and stops it, as for maintenance. Nothing that was committed is
            /// lost. Does nothing when it is stopped. Blocks.
            pub fn stop(&mut self) {
                self.0.end(<$product as $crate::server::Product>::STOP);
            }

            /// Stops it as a crash does: it will have to recover when it is started again, and
            /// without durable settings it may have lost what was committed. Does nothing when it is
            /// stopped. Blocks.
            pub fn kill(&mut self) {
                self.0.end(<$product as $crate::server::Product>::CRASH);
            }

            /// Stops it where it is running, and starts it with the same data on the same port.
            /// Blocks.
            ///
            /// # Errors
            ///
            /// [`TestkitError::Server`] when it does not become ready again, [`TestkitError::Io`].
            pub fn restart(&mut self) -> Result<(), TestkitError> {
                self.0.restart()
            }

            /// Lets it run until whoever watches the directory is gone.
            pub(crate) fn leave(self) -> DatabaseUrl {
                self.0.leave()
            }
        }
    };
}
use public_server;
