//! Tests of applications on sea-orm-tenant.
//!
//! ```
//! # use sea_orm_migration::{MigrationTrait, MigratorTrait};
//! # struct Migrator;
//! # impl MigratorTrait for Migrator {
//! #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { Vec::new() }
//! # }
//! use tenant_core::TenantConnection;
//! use tenant_testkit::tenant_test;
//!
//! /// Two tenants, provisioned by the application's migrations, in a database of this test's own.
//! #[tenant_test(database = [postgres, mariadb, sqlite], migrations = Migrator)]
//! async fn books_are_their_librarys_own(acme: TenantConnection, globex: TenantConnection) {
//!     // book::ActiveModel { .. }.insert(&acme).await ..
//! }
//! ```
//!
//! | to have | use |
//! |---|---|
//! | an async test that is handed tenants | [`tenant_test`] |
//! | proof that nothing crosses from one tenant to another | [`LeakCheck`] |
//! | tenants with settings of the test's own | [`TestTenants`] |
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
//!
//! # Features
//!
//! None is on by default.
//!
//! | feature | gives |
//! |---|---|
//! | `sqlx-postgres`, `sqlx-mysql`, `sqlx-sqlite`, `sqlx-all` | the driver, here and in SeaORM: databases are made by it, where a server is started without |
//! | `actix` | `LeakCheck::run_app`: an actix application is visited by requests |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub mod __private;
mod database;
mod error;
mod leak;
mod scratch;
mod server;
mod shared;
mod tenants;

pub use self::{
    database::TestDatabase,
    error::TestkitError,
    leak::{Leak, LeakCheck, LeakCheckBuilder, LeakReport, Mark, Owner, Visit},
    server::{MariaDb, MariaDbBuilder, Postgres, PostgresBuilder, Sqlite},
    tenants::{TestParameter, TestTenants, TestTenantsBuilder},
};

/// An async test that is handed tenants, in a database of its own.
///
/// ```
/// # use sea_orm_migration::{MigrationTrait, MigratorTrait};
/// # struct Migrator;
/// # impl MigratorTrait for Migrator {
/// #     fn migrations() -> Vec<Box<dyn MigrationTrait>> { Vec::new() }
/// # }
/// use tenant_core::{Tenancy, TenantConnection};
/// use tenant_testkit::tenant_test;
///
/// #[tenant_test(database = postgres, migrations = Migrator)]
/// async fn a_book_is_kept(acme: TenantConnection) {
///     // `acme` is bound to the tenant `acme`, whose schema the migrations have made.
/// }
///
/// #[tenant_test(database = [postgres, mariadb, sqlite], migrations = Migrator)]
/// async fn books_are_their_tenants_own(acme: TenantConnection, globex: TenantConnection, tenancy: Tenancy) {
///     // Three tests, `books_are_their_tenants_own::postgres` and so on.
/// }
/// ```
///
/// # Parameters
///
/// What is handed in is chosen by type: see [`TestParameter`]. A `TenantConnection` is of the tenant
/// that its parameter is named after, which is provisioned; `_acme` is `acme`, too.
///
/// # Arguments
///
/// - `database`: `postgres`, `mariadb`, `sqlite`, or several in brackets. The kit's feature for the
///   driver must be on.
/// - `migrations`: the `MigratorTrait` of tenants' tables. Without it their schemas are empty.
/// - `shared_migrations`: that of tables that tenants share.
///
/// Other attributes are kept: `#[should_panic]`, `#[cfg(..)]`. The function may return whatever a
/// test may, such as a `Result`.
///
/// # Where it runs
///
/// On a runtime of Tokio's with two workers, and in a `LocalSet`, so that what is not `Send` can be
/// spawned too, as actix's tests do. When the test is over, also by a panic, its database is removed.
#[doc(inline)]
pub use tenant_macros::tenant_test;
