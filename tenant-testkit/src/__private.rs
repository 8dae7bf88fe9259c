//! What `#[tenant_test]` expands to. Not part of the API.

use std::sync::Arc;

pub use std::process::Termination;

use tokio::{runtime, task::LocalSet};

use crate::{TestDatabase, TestParameter, TestTenants, TestTenantsBuilder, TestkitError};

/// A kind of database.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Postgres,
    MariaDb,
    Sqlite,
}

pub fn postgres() -> Kind {
    Kind::Postgres
}

pub fn mariadb() -> Kind {
    Kind::MariaDb
}

pub fn sqlite() -> Kind {
    Kind::Sqlite
}

pub fn settings() -> TestTenantsBuilder {
    TestTenants::builder()
}

pub fn run<T>(
    kind: Kind,
    settings: TestTenantsBuilder,
    test: impl AsyncFnOnce(Arc<TestTenants>) -> T,
) -> T {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(TestkitError::io("start a runtime"));
    LocalSet::new().block_on(&or_fail(runtime), async {
        let tenants = Arc::new(or_fail(make(kind, settings).await));
        let tenancy = tenants.tenancy().clone();
        let outcome = test(tenants).await;
        tenancy.close().await;
        outcome
    })
}

async fn make(kind: Kind, settings: TestTenantsBuilder) -> Result<TestTenants, TestkitError> {
    let database = match kind {
        Kind::Postgres => TestDatabase::postgres().await,
        Kind::MariaDb => TestDatabase::mariadb().await,
        Kind::Sqlite => TestDatabase::sqlite(),
    };
    settings.build(database?).await
}

pub async fn parameter<P: TestParameter>(tenants: &Arc<TestTenants>, name: &str) -> P {
    or_fail(P::make(tenants, name).await)
}

#[allow(clippy::panic, reason = "so does a test fail")]
fn or_fail<T>(made: Result<T, TestkitError>) -> T {
    made.unwrap_or_else(|error| panic!("{error}"))
}
