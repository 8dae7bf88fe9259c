//! Tests of applications on sea-orm-tenant.
//!
//! | to have | use |
//! |---|---|
//! | a database for one test | [`TestDatabase`] |
//! | a server that can be stopped, killed and started again | [`Postgres`], [`MariaDb`] |
//! | files | [`Sqlite`] |
//!
//! Servers are the programs that are installed on this machine: nothing is downloaded, and no
//! container is needed. They listen on 127.0.0.1 only, with a password that is made up, in a
//! directory of their own under the directory for temporary files. When the test process has ended,
//! however it did, a watchdog (a small shell script, which holds the other end of a pipe) has them
//! stopped and their directory removed.
//!
//! This is for Unix. Where there is no server to be started, `TEST_POSTGRES_URL` and
//! `TEST_MYSQL_URL` name those that [`TestDatabase`] makes its databases on.

mod database;
mod error;
mod scratch;
mod server;
mod shared;

pub use self::{
    database::TestDatabase,
    error::TestkitError,
    server::{MariaDb, MariaDbBuilder, Postgres, PostgresBuilder, Sqlite},
};
