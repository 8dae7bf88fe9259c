//! Schema-per-tenant multitenancy for [SeaORM](https://www.sea-ql.org/SeaORM/) 2 on
//! [actix-web](https://actix.rs). Annotate entities, decorate functions, wrap applications, and every
//! statement on a tenant's table lands in the schema of the tenant it is for. One that has no tenant fails,
//! instead of reading somebody else's rows.
//!
//! A tenant's entity says `schema_name = "$tenant"`, as PostgreSQL's `search_path` says `"$user"`. SeaORM
//! puts that into all that it renders, and only a [`TenantConnection`] replaces it.
//!
//! ```rust
//! mod book {
//!     use sea_orm::entity::prelude::*;
//!     use sea_orm_tenant::TenantScoped;
//!
//!     #[sea_orm::model]
//!     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, TenantScoped)]
//!     #[sea_orm(table_name = "book", schema_name = "$tenant")]
//!     pub struct Model {
//!         #[sea_orm(primary_key)]
//!         pub id: i32,
//!         pub title: String,
//!         pub overdue: bool,
//!     }
//!
//!     impl ActiveModelBehavior for ActiveModel {}
//! }
//!
//! use actix_web::{App, HttpServer, web};
//! use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
//! use sea_orm_tenant::prelude::*;
//!
//! #[with_tenant("acme")]
//! async fn overdue(tenancy: &Tenancy) -> Result<Vec<book::Model>, TenantError> {
//!     let db = tenancy.current().await?; // bound to acme for its lifetime
//!     let overdue = book::Entity::find().filter(book::Column::Overdue.eq(true));
//!     Ok(overdue.all(&db).await?) // SELECT .. FROM "tenant_acme"."book" WHERE ..
//! }
//!
//! /// Of whichever tenant the request is for.
//! async fn titles(db: TenantDb) -> Result<web::Json<Vec<String>>, TenantProblem> {
//!     let books = book::Entity::find().all(&db).await?;
//!     Ok(web::Json(books.into_iter().map(|book| book.title).collect()))
//! }
//!
//! async fn application() -> Result<(), Box<dyn std::error::Error>> {
//!     let database = DatabaseUrl::new("postgres://app@localhost/app")?;
//!     let store = MemoryStore::new();
//!     store.add(TenantId::from_static("acme"), &database)?;
//!     let tenancy = Tenancy::builder().store(store).shared_database(database).build()?;
//!     overdue(&tenancy).await?;
//!
//!     let tenants = TenantMiddleware::new(tenancy)
//!         .header_name("X-Tenant-ID")
//!         .exclude_paths(["/health", "/docs/*"])
//!         .checked()?;
//!     HttpServer::new(move || App::new().wrap(tenants.clone()).route("/titles", web::get().to(titles)))
//!         .bind(("127.0.0.1", 8080))?
//!         .run()
//!         .await?;
//!     Ok(())
//! }
//! ```
//!
//! The [guide](https://github.com/sea-orm-tenant/sea-orm-tenant/blob/main/docs/src/SUMMARY.md) begins with
//! a tutorial. What is promised, and by which wall, is in
//! [SECURITY.md](https://github.com/sea-orm-tenant/sea-orm-tenant/blob/main/SECURITY.md).
//!
//! # Map of this crate
//!
//! | to | there is |
//! |---|---|
//! | say which tenant code runs for | [`TenantContext`], [`TenantFutureExt`], [`TenantStreamExt`], `#[with_tenant]` |
//! | get a tenant's connection | [`Tenancy`], [`TenantConnection`] |
//! | say where tenants are | [`TenantStore`], [`MemoryStore`], `DatabaseStore`, `TenantServiceClient`, [`CachedStore`], [`ConnectionInfo`], [`DatabaseUrl`] |
//! | serve tenants with actix-web | `actix::TenantMiddleware`, `actix::TenantDb` |
//! | say where a table lives | [`TenantScoped`], [`TenantShared`] |
//! | make a tenant's tables | [`Tenancy::create_schema`], [`TenantSchemaBuilder`] |
//! | run SQL that cannot be qualified | [`TenantDatabaseContext`], [`Tenancy::dedicated_connection`] |
//! | rewrite SQL by hand | [`qualify()`], [`QuotedSchema`] |
//! | make and migrate all tenants | `migration::Fleet`, `migration::Migrations`, `migration::VersionGate` |
//! | have the server keep tenants apart, too | [`TenancyBuilder::database_roles`], [`TenancyBuilder::strict`] |
//! | bound what a tenant uses | [`TenancyBuilder::limits`], [`TenancyBuilder::connections_per_tenant`] |
//!
//! Links are to what every build has; the rest is behind the features `actix`,
//! `database-store`, `macros`, `migration` and `service-client`.
//!
//! # Features
//!
//! | feature | gives |
//! |---|---|
//! | `macros` (default) | `#[derive(TenantScoped)]`, `#[derive(TenantShared)]`, `#[with_tenant]` |
//! | `sqlx-postgres`, `sqlx-mysql`, `sqlx-sqlite`, `sqlx-all` | the driver, here and in SeaORM |
//! | `runtime-tokio`, `runtime-tokio-rustls`, `runtime-tokio-native-tls` | SeaORM's runtimes |
//! | `service-client` | `TenantServiceClient`: tenants are looked up at the tenant management service |
//! | `database-store` | `DatabaseStore`: tenants are looked up in a table, their database URLs encrypted |
//! | `actix` | `sea_orm_tenant::actix`: middleware, strategies, extractors and guards for actix-web |
//! | `actix-cookies`, `actix-jwt` | tenants named by a cookie, by a claim of a verified token |
//! | `actix-metrics` | requests and their durations by tenant, for Prometheus |
//! | `migration` | `sea_orm_tenant::migration`: provisioning, and migrating all tenants |
//! | `migration-cli` | the commands of a migration binary |
//! | `schema-sync` | `TenantSchemaBuilder::sync`, SeaORM's schema sync on a tenant's schema |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "actix")]
pub use tenant_actix as actix;
pub use tenant_core::*;
#[cfg(feature = "macros")]
pub use tenant_macros::{TenantScoped, TenantShared, with_tenant};
#[cfg(feature = "migration")]
pub use tenant_migration as migration;

#[cfg(doctest)]
mod guide;
pub mod prelude;

#[doc(hidden)]
pub mod __private;
