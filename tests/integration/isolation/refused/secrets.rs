//! A password in a URL is in nothing that is printed, logged or traced.

use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, resume_unwind},
    time::Duration,
};

use futures_util::FutureExt as _;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use sea_orm_tenant::{
    ConnectionInfo, DatabaseUrl, MemoryStore, Tenancy, TenantDatabaseContext, TenantError,
    TenantId, TenantInfo,
};

use super::super::{
    capture::Capture,
    rows::{add, names},
};
use crate::support::{Server, World};

const SECRET: &str = "hunter2";
const ACME: TenantId = TenantId::from_static("acme");

fn assert_silent(what: impl Debug) {
    for text in [format!("{what:?}"), format!("{what:#?}")] {
        assert!(!text.contains(SECRET), "{text}");
    }
}

fn assert_silent_error(error: &TenantError) {
    assert_silent(error);
    assert!(!error.to_string().contains(SECRET), "{error}");
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        assert!(!error.to_string().contains(SECRET), "{error}");
        cause = error.source();
    }
}

#[test]
fn debug_of_what_holds_a_url_leaves_it_out() {
    for url in [
        "postgres://app:hunter2@db/app",
        "mysql://app:hunter2@db/app",
        "sqlite:///srv/app?name=hunter2",
    ] {
        let url = DatabaseUrl::new(url).unwrap();
        assert!(url.expose().contains(SECRET));
        assert_silent(&url);
        assert_silent(ConnectionInfo::shared(&url, &ACME));
        assert_silent(ConnectionInfo::dedicated(&url).unwrap());
        let store = MemoryStore::new();
        store.add(ACME, &url).unwrap();
        assert_silent(&store);
        let builder = Tenancy::builder().store(store).shared_database(url);
        assert_silent(&builder);
        assert_silent(builder.build().unwrap());
    }
}

#[test]
fn a_url_that_is_none_is_not_repeated() {
    for text in [
        "hunter2",
        "app:hunter2@db/app",
        "postgres://app:hunter2@db:port/app",
        "postgres://app:hunter2@[::/app",
        "oracle://app:hunter2@db/app",
        "//app:hunter2@db/app",
        "sqlite::memory:?key=hunter2",
        "postgres://app@db/app?password=hunter2",
    ] {
        match DatabaseUrl::new(text) {
            Err(error) => assert_silent_error(&error),
            Ok(url) => panic!("{} is a URL", url.expose()),
        }
    }
}

#[test]
fn a_url_in_a_wrong_place_of_a_tenant_file_is_not_repeated() {
    for (json, place) in [
        (
            r#"{"database_url": "postgres://app:hunter2@db:port/app", "tenants": []}"#,
            "column",
        ),
        (
            r#"{"database_url": "app:hunter2@db/app", "tenants": []}"#,
            "column",
        ),
        (
            r#"{"tenants": [{"id": "acme", "connection": {"url": "app:hunter2@db"}}]}"#,
            "column",
        ),
    ] {
        let error = MemoryStore::from_json(json).unwrap_err();
        assert_silent_error(&error);
        assert!(error.to_string().contains(place), "{error}");
    }
}

#[test]
fn two_tenants_in_one_place_are_refused_without_the_place() {
    let url = DatabaseUrl::new("postgres://app:hunter2@db/app").unwrap();
    let store = MemoryStore::new();
    store.add(ACME, &url).unwrap();
    let info = TenantInfo::active(TenantId::from_static("globex"));
    let error = store.insert(info, ConnectionInfo::shared(&url, &ACME));
    assert_silent_error(&error.unwrap_err());
}

/// Short: a driver tries a refused connection again until the time is over.
fn tenancy_of(url: &str) -> Tenancy {
    let url = DatabaseUrl::new(url).unwrap();
    let store = MemoryStore::new();
    store.add(ACME, &url).unwrap();
    let builder = Tenancy::builder().store(store).shared_database(url);
    let timeout = Duration::from_millis(200);
    builder.acquire_timeout(timeout).build().unwrap()
}

#[tokio::test]
async fn an_unreachable_server_does_not_tell_the_url() {
    let (capture, _guard) = Capture::start();
    for url in [
        "postgres://app:hunter2@127.0.0.1:1/app",
        "mysql://app:hunter2@127.0.0.1:1/app",
        "mariadb://app:hunter2@127.0.0.1:1/app",
        "postgres://app:hunter2@127.0.0.1:1/app?sslmode=nonsense",
        "mysql://app:hunter2@127.0.0.1:1/app?ssl-mode=nonsense",
    ] {
        let tenancy = tenancy_of(url);
        let errors = [
            tenancy.for_tenant(&ACME).await.unwrap_err(),
            tenancy.shared().await.unwrap_err(),
            tenancy.dedicated_connection(&ACME).await.unwrap_err(),
        ];
        for error in errors {
            assert_silent_error(&error);
        }
    }
    assert_silent(capture.told());
}

/// Looks up every word that is said while a whole working day is done with a login whose password
/// is planted: by the tenancy, SeaORM, the driver and its parts, at every level.
#[tokio::test]
async fn nothing_tells_the_password_of_a_login_that_works() {
    for server in [Server::Postgres, Server::MySql] {
        World::run(server, async |world: &World| {
            let login = Login::create(world).await;
            let worked = AssertUnwindSafe(work(world, &login)).catch_unwind().await;
            login.remove(world).await;
            worked.unwrap_or_else(|panic| resume_unwind(panic));
        })
        .await;
    }
}

async fn work(world: &World, login: &Login) {
    let (capture, _guard) = Capture::start();
    let url = login.url(world, PASSWORD);
    let store = MemoryStore::new();
    store.add(world.acme.clone(), &url).unwrap();
    let builder = Tenancy::builder().store(store).shared_database(url);
    let tenancy = builder.build().unwrap();

    let acme = tenancy.for_tenant(&world.acme).await.unwrap();
    add(&acme, "Verne").await.unwrap();
    let transaction = acme.begin().await.unwrap();
    let nested = transaction.begin().await.unwrap();
    let _ = TenantDatabaseContext::apply_tenant_context(&transaction).await;
    assert_eq!(names(&nested).await.unwrap(), ["Verne"]);
    assert_silent((&acme, acme.unscoped_raw(), &transaction, &nested, &tenancy));
    nested.commit().await.unwrap();
    transaction.commit().await.unwrap();
    let nonsense = acme.execute_unprepared("nonsense $tenant.x").await;
    assert_silent(nonsense.unwrap_err());
    let dedicated = tenancy.dedicated_connection(&world.acme).await.unwrap();
    let shared = tenancy.shared().await.unwrap();
    assert_silent((&dedicated, &shared, tenancy.data_sources()));
    dedicated.close().await.unwrap();
    tenancy.create_schema(&world.acme).await.unwrap();
    drop((acme, shared));
    tenancy.close().await;

    let wrong = tenancy_of(login.url(world, "hunter2-wrong").expose());
    let refused = wrong.shared().await.unwrap_err();
    assert!(matches!(refused, TenantError::DataSourceUnavailable { .. }));
    assert_silent_error(&refused);

    let told = capture.told();
    assert!(told.len() > 50, "too little was captured: {told:?}");
    assert_silent(told);
}

/// With characters that a URL has to encode.
const PASSWORD: &str = "hunter2/@:%";

/// A user of the server, with a password to look for.
struct Login(String);

impl Login {
    async fn create(world: &World) -> Self {
        let user = format!("u{}", &world.acme.as_str()[4..]);
        let shared = world.tenancy.shared().await.unwrap();
        let statements = match world.server {
            Server::Postgres => vec![format!(
                "CREATE ROLE \"{user}\" LOGIN SUPERUSER PASSWORD '{PASSWORD}'"
            )],
            _ => vec![
                format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{PASSWORD}'"),
                format!("GRANT ALL PRIVILEGES ON *.* TO '{user}'@'%'"),
            ],
        };
        for sql in statements {
            shared.execute_unprepared(&sql).await.unwrap();
        }
        Self(user)
    }

    fn url(&self, world: &World, password: &str) -> DatabaseUrl {
        let mut url = url::Url::parse(world.database.expose()).unwrap();
        url.set_username(&self.0).unwrap();
        // `set_password` leaves the percent sign as it is.
        let password = password.replace('%', "%25");
        url.set_password(Some(&password)).unwrap();
        DatabaseUrl::new(url.to_string()).unwrap()
    }

    async fn remove(self, world: &World) {
        let shared = world.tenancy.shared().await.unwrap();
        let sql = match world.server {
            Server::Postgres => format!("DROP ROLE \"{}\"", self.0),
            _ => format!("DROP USER '{}'@'%'", self.0),
        };
        shared.execute_unprepared(&sql).await.unwrap();
    }
}
