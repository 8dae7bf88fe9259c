//! `sea-orm-tenant` on actix-web. Applications depend on that crate, which re-exports this one as
//! `sea_orm_tenant::actix`.
//!
//! [`TenantMiddleware`] finds out which tenant a request is for, and runs it in that tenant's scope.
//! Handlers take the tenant's connection from an extractor:
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web};
//! use tenant_actix::{CurrentTenant, TenantDb, TenantMiddleware, TenantProblem};
//! use tenant_core::Tenancy;
//!
//! async fn greeting(tenant: CurrentTenant, db: TenantDb) -> Result<String, TenantProblem> {
//!     // book::Entity::find().all(&db).await?
//!     Ok(format!("{} is in {}", tenant.name, db.schema()))
//! }
//!
//! async fn serve(tenancy: Tenancy) -> Result<(), Box<dyn std::error::Error>> {
//!     let tenants = TenantMiddleware::new(tenancy)
//!         .header_name("X-Tenant-ID")
//!         .exclude_paths(["/health", "/docs/*"])
//!         .checked()?;
//!     HttpServer::new(move || {
//!         App::new()
//!             .wrap(tenants.clone())
//!             .route("/greeting", web::get().to(greeting))
//!     })
//!     .bind(("127.0.0.1", 8080))?
//!     .run()
//!     .await?;
//!     Ok(())
//! }
//! ```
//!
//! | to | there is |
//! |---|---|
//! | say how a request names its tenant | [`strategy`]: header, subdomain, host, path, query, cookie, claim, closure |
//! | have the tenant's connection | [`TenantDb`], [`TenantTransaction`] |
//! | know the tenant | [`CurrentTenant`] |
//! | count requests by tenant | `TenantMetrics` (feature `metrics`) |
//! | have routes that only some tenants have | [`TenantGuard`] |
//! | answer what goes wrong | [`TenantProblem`], [`TenantMiddleware::on_problem`] |
//!
//! # Where the tenant is current
//!
//! In the handler, in every middleware inside of this one, and in the response's body while it
//! streams. A new task or thread begins without a tenant: take `TenantContext::spawn_local` for
//! `actix_web::rt::spawn`, `TenantContext::spawn_blocking` for `web::block`, or wrap what is spawned
//! in `TenantContext::propagate` and `TenantScope::enter`. The task of a WebSocket is a new one, too.
//!
//! # Where connections live
//!
//! Actix has a runtime for each worker. Build the `Tenancy` in a multi-threaded one, with
//! `#[tokio::main]` around the server, and its connections are there, whichever worker uses them: see
//! `TenancyBuilder::runtime`.
//!
//! # Features
//!
//! None is on by default. In `sea-orm-tenant` their names begin with `actix-`.
//!
//! | feature | gives |
//! |---|---|
//! | `cookies` | `strategy::Cookie`: the tenant is named by a cookie |
//! | `jwt` | `strategy::Claim`: the tenant is named by a claim of a verified token |
//! | `metrics` | `TenantMetrics`: requests and their durations by tenant, for Prometheus |

#![cfg_attr(docsrs, feature(doc_cfg))]

mod admission;
mod answers;
mod body;
mod error;
mod exclude;
mod extract;
#[cfg(any(test, fuzzing))]
#[allow(missing_docs, clippy::panic, reason = "no part of the crate")]
pub mod fuzzing;
mod guard;
mod handling;
mod host;
mod kind;
#[cfg(feature = "metrics")]
mod metrics;
mod middleware;
mod observe;
mod problem;
mod proxies;
mod request;
mod service;
pub mod strategy;
mod transaction;

/// The crate that has the registry of [`TenantMetrics`].
#[cfg(feature = "metrics")]
#[doc(no_inline)]
pub use prometheus_client;

#[cfg(feature = "metrics")]
pub use self::metrics::TenantMetrics;
pub use self::{
    body::TenantBody,
    error::InvalidSetting,
    extract::{CurrentTenant, TenantDb, TenantTransaction},
    guard::TenantGuard,
    middleware::TenantMiddleware,
    problem::TenantProblem,
    proxies::TrustedProxies,
    request::TenantRequest,
    strategy::TenantStrategy,
};
