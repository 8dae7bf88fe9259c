use std::{
    fmt,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware::from_fn, web};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend};
use secrecy::{ExposeSecret, SecretString};
use tenant_core::{DatabaseStore, DatabaseUrl, TenantError, UrlKeys};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};

use crate::{
    ServiceError, Settings,
    auth::SecretDigest,
    feed::Feed,
    metrics::Metrics,
    routes,
    token_store::{TokenStore, random_secret},
};

/// The tenant management service.
#[derive(Debug)]
#[non_exhaustive]
pub struct Service;

impl Service {
    /// A service whose tenants are in the database, their URLs sealed with the keys.
    pub fn builder(database: DatabaseUrl, keys: UrlKeys) -> Settings {
        Settings::new(database, keys)
    }
}

/// A service that serves. Dropped, it goes on until the runtime ends: [`stop`](Self::stop) it.
#[must_use]
pub struct RunningService {
    address: SocketAddr,
    admin_token: SecretString,
    stopping: watch::Sender<bool>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    feeding: JoinHandle<()>,
}

/// How long requests may take that are under way when the service stops.
const DRAIN: Duration = Duration::from_secs(30);

/// The service's database, and the tenants in it, in tables that are made where they are missing.
pub(crate) async fn store(
    url: DatabaseUrl,
    keys: UrlKeys,
) -> Result<(DatabaseConnection, DatabaseStore), ServiceError> {
    let database = Database::connect(options(&url))
        .await
        .map_err(|error| unreachable_database(&error, &url))?;
    let store = DatabaseStore::new(database.clone(), keys);
    store.migrate().await?;
    Ok((database, store))
}

impl RunningService {
    pub(crate) async fn start(settings: Settings) -> Result<Self, ServiceError> {
        let (database, store) = store(settings.database, settings.keys).await?;
        let tokens = TokenStore::new(database);
        tokens.migrate().await.map_err(ServiceError::Tokens)?;

        let admin_token = match settings.admin_token {
            Some(token) => token,
            None => random_secret().map_err(|error| ServiceError::Random(error.into()))?,
        };
        let listener = TcpListener::bind(settings.listen).map_err(ServiceError::Listen)?;
        let address = listener.local_addr().map_err(ServiceError::Listen)?;
        let (stopping, stopped) = watch::channel(false);
        let state = Arc::new(State {
            feed: Feed::new(store.revision().await?),
            store,
            tokens,
            admin: SecretDigest::of(&admin_token),
            tenant_database: settings.tenant_database,
            open_metrics: settings.open_metrics,
            metrics: Metrics::new(),
            streams: Arc::new(Semaphore::new(settings.max_event_streams)),
            stopped,
        });

        let shared = web::Data::from(Arc::clone(&state));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .wrap(from_fn(routes::answer))
                .configure(routes::configure)
        })
        .disable_signals()
        .shutdown_timeout(DRAIN.as_secs())
        .listen(listener)
        .map_err(ServiceError::Listen)?
        .run();
        let handle = server.handle();
        let serving = tokio::spawn(server);
        let feeding =
            tokio::spawn(async move { state.feed.run(&state.store, &state.metrics).await });
        Ok(Self {
            address,
            admin_token,
            stopping,
            server: handle,
            serving,
            feeding,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The administrator's token, a secret: the one that was set, or the one that was made.
    #[must_use]
    pub fn expose_admin_token(&self) -> &str {
        self.admin_token.expose_secret()
    }

    /// Takes no new connections, ends event streams, answers the requests that are under way, and
    /// returns. Those have 30 seconds.
    pub async fn stop(self) {
        self.stopping.send_replace(true);
        self.server.stop(true).await;
        self.feeding.abort();
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the server failed"),
            Err(error) => tracing::error!(%error, "the server failed"),
        }
    }
}

impl fmt::Debug for RunningService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningService")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What every request has at hand.
pub(crate) struct State {
    pub(crate) store: DatabaseStore,
    pub(crate) tokens: TokenStore,
    pub(crate) admin: SecretDigest,
    pub(crate) tenant_database: Option<DatabaseUrl>,
    pub(crate) open_metrics: bool,
    pub(crate) feed: Feed,
    pub(crate) metrics: Metrics,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) stopped: watch::Receiver<bool>,
}

fn options(url: &DatabaseUrl) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.expose());
    options
        .sqlx_logging(false)
        // The driver's task that reaps connections may spin for ever when one is taken while it
        // counts them (sqlx 0.9). There are few, and they are used.
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_timeout(Duration::from_secs(5))
        .acquire_timeout(Duration::from_secs(5));
    if url.backend() == DbBackend::Sqlite {
        // SQLite has one writer: waiting here is fair, waiting there is polling.
        options.max_connections(1);
    }
    options
}

// The driver's message may repeat the URL.
fn unreachable_database(error: &sea_orm::DbErr, url: &DatabaseUrl) -> TenantError {
    TenantError::store_unavailable(error.to_string().replace(url.expose(), "[REDACTED]"))
}
