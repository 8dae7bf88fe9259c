//! The alarm rings for applications that leak, each in a way that applications do, and is silent for
//! one that does not.

mod actix;
mod leaky;
mod sound;

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, Statement};
use sea_orm_tenant::TenantId;
use tenant_testkit::{Leak, LeakCheck, LeakReport, Owner, TestTenants};

use crate::support::{
    Server,
    entities::{author, tag},
};

/// A check of two tenants whose application has one connection.
async fn check(server: Server) -> LeakCheck {
    let tenants = TestTenants::builder()
        .configure(|tenancy| tenancy.max_connections(1))
        .build(server.database().await)
        .await
        .unwrap();
    LeakCheck::builder()
        .entity(author::Entity)
        .entity(tag::Entity)
        .rounds(12)
        .build(tenants)
        .await
        .unwrap()
}

/// What an application without a tenancy has: one connection, bound to nothing.
struct Plain {
    server: Server,
    db: DatabaseConnection,
    /// Of MariaDB: there they are the test's own.
    prefix: Option<String>,
}

impl Plain {
    async fn of(check: &LeakCheck, server: Server) -> Self {
        let database = check.tenants().database();
        let mut options = ConnectOptions::new(database.url().expose());
        options.max_connections(1).idle_timeout(None);
        let prefix = match server {
            Server::MySql => database.name().map(ToOwned::to_owned),
            _ => None,
        };
        Self {
            server,
            db: Database::connect(options).await.unwrap(),
            prefix,
        }
    }

    fn schema(&self, tenant: &TenantId) -> String {
        let schema = match &self.prefix {
            Some(prefix) => format!("{prefix}_{tenant}"),
            None => format!("tenant_{tenant}"),
        };
        self.server.quote(&schema)
    }

    async fn execute(&self, sql: impl AsRef<str>) {
        self.db.execute_unprepared(sql.as_ref()).await.unwrap();
    }

    /// The first column of all rows.
    async fn names(&self, sql: impl Into<String>) -> Vec<String> {
        let ask = Statement::from_string(self.db.get_database_backend(), sql);
        let rows = self.db.query_all_raw(ask).await.unwrap();
        let name = |row: &sea_orm::QueryResult| row.try_get_by_index(0).unwrap();
        rows.iter().map(name).collect()
    }
}

fn has_row_of(report: &LeakReport, whose: impl Fn(&Owner) -> bool) -> bool {
    let leaks = report.leaks().iter();
    leaks
        .clone()
        .any(|leak| matches!(leak, Leak::Row { owner, .. } if whose(owner)))
}

fn has_statement_on(report: &LeakReport, whose: impl Fn(&Owner) -> bool) -> bool {
    let mut leaks = report.leaks().iter();
    leaks
        .any(|leak| matches!(leak, Leak::Statement { owner, visitor: Some(_), .. } if whose(owner)))
}

fn a_tenants(owner: &Owner) -> bool {
    matches!(owner, Owner::Tenant(_))
}

fn nobodys(owner: &Owner) -> bool {
    *owner == Owner::DefaultSchema
}
