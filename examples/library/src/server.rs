//! The web server around the routes.

use std::{
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    pin::pin,
    sync::Arc,
};

use actix_web::{App, HttpServer, dev::Server, web};
use prometheus_client::registry::Registry;
use sea_orm_tenant::{
    Tenancy,
    actix::{TenantMetrics, TenantMiddleware},
};

use crate::{Failure, routes};

/// How long requests may take that are under way when the server stops, in seconds.
const DRAIN: u64 = 10;

/// A server that listens.
pub struct RunningServer {
    address: SocketAddr,
    server: Server,
}

/// Binds the address. Requests are served while [`RunningServer::until`] runs.
pub fn start(listen: SocketAddr, tenancy: Tenancy) -> Result<RunningServer, Failure> {
    let metrics = TenantMetrics::new();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let registry = web::Data::from(Arc::new(registry));
    // The header X-Tenant-ID names the library. In production it would be a subdomain, or a claim
    // of a verified token: whoever can write this header can read that library.
    let tenants = TenantMiddleware::new(tenancy)
        .header_name("X-Tenant-ID")
        .exclude_paths(["/health", "/metrics"])
        .metrics(metrics)
        .checked()?;

    let listener = TcpListener::bind(listen).map_err(|error| format!("{listen}: {error}"))?;
    let address = listener.local_addr()?;
    let server = HttpServer::new(move || {
        App::new()
            .app_data(registry.clone())
            .wrap(tenants.clone())
            .configure(routes::configure)
    })
    // Its own handling of Ctrl-C would not wait for requests that are under way.
    .disable_signals()
    // A client that went away ends its handler, and with it the transaction.
    .h1_allow_half_closed(false)
    .shutdown_timeout(DRAIN)
    .listen(listener)?
    .run();
    Ok(RunningServer { address, server })
}

impl RunningServer {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `asked` is done, and then until the requests under way are answered.
    pub async fn until(self, asked: impl Future<Output = io::Result<()>>) -> Result<(), Failure> {
        let handle = self.server.handle();
        let mut serving = pin!(self.server);
        let asked = tokio::select! {
            ended = &mut serving => return Ok(ended?),
            asked = asked => asked,
        };
        tracing::info!("stopping");
        let (served, ()) = tokio::join!(serving, handle.stop(true));
        Ok(served.and(asked)?)
    }
}
