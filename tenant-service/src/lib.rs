//! The tenant management service of `sea-orm-tenant`: tenants, their status and where their data
//! is, over HTTP, kept by the core's `DatabaseStore`.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use tenant_core::{DatabaseUrl, UrlKeys};
//! use tenant_service::Service;
//!
//! let service = Service::builder(DatabaseUrl::sqlite("tenants.sqlite")?, UrlKeys::generate()?)
//!     .listen(([127, 0, 0, 1], 0).into())
//!     .start()
//!     .await?;
//! println!("serving {}", service.url());
//! service.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! `/docs/` of a running service shows every route. Answers that are errors are RFC 9457 problems.
//!
//! It is a program as well, which takes its settings from flags and the environment: `--help` lists
//! them. Applications ask it by the core's `TenantServiceClient`, which also hears of changes. There are
//! no feature flags: every driver is built in.

mod auth;
mod builder;
mod error;
mod feed;
mod metrics;
mod problem;
mod routes;
mod service;
mod token_store;

pub use self::{builder::ServiceBuilder, error::StartError, service::Service};
