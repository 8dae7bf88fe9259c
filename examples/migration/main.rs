//! The `migration` program of an application with tenants: copy this directory, and put your own
//! migrations into `tenants` and `shared`.
//!
//!     export TENANT_KEYS=$(openssl rand -base64 32)
//!     cargo run --example migration -- shared up
//!     cargo run --example migration -- create acme --name "Acme Library"
//!     cargo run --example migration -- status
//!     cargo run --example migration -- --help
//!
//! runs on SQLite, with a file for each tenant in the directory `migration-data`. With
//! `DATABASE_URL=postgres://..` or `mysql://..` it does the same there, with a schema for each tenant.
//!
//! In an application of your own, `Cargo.toml` has `sea-orm-tenant` with the features
//! `migration-cli`, `database-store`, `runtime-tokio-rustls` and that of your database's driver.

mod shared;
mod tenants;

use std::{env, process::ExitCode};

use sea_orm_tenant::{
    DatabaseStore, UrlKeys,
    migration::{Fleet, Migrations, cli::Cli},
};

#[tokio::main]
async fn main() -> ExitCode {
    Cli::new()
        .shared::<shared::Migrator>()
        // The first rows of a new tenant that come from somewhere else than from a migration.
        .provision(|provision| provision.seed(|db| Box::pin(tenants::seed(db))))
        .default_database("sqlite://migration-data")
        .run(async |settings| {
            // Tenants are kept in a table beside the shared ones. Their databases' URLs hold
            // passwords, so they are sealed there: with the first of these keys.
            let keys = env::var("TENANT_KEYS").map_err(
                |_| "TENANT_KEYS is not set: it is 32 random bytes in Base64, as `openssl rand -base64 32` makes them",
            )?;
            let keys = UrlKeys::parse(&keys)?;
            let registry = DatabaseStore::new(settings.shared().await?, keys);
            // Makes the table where it is missing.
            registry.migrate().await?;
            let migrations = Migrations::of::<tenants::Migrator>()?;
            Ok(Fleet::builder(registry, migrations))
        })
        .await
}
