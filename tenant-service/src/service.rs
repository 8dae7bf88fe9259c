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
    ServiceBuilder, StartError,
    auth::SecretDigest,
    feed::Feed,
    metrics::Metrics,
    routes,
    token_store::{TokenStore, random_secret},
};

/// The tenant management service, which serves. Dropped, it goes on until the runtime ends:
/// [`stop`](Self::stop) it.
#[must_use]
pub struct Service {
    address: SocketAddr,
    admin_token: SecretString,
    state: Arc<State>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    feeding: JoinHandle<()>,
}

/// How long requests may take that are under way when the service stops.
const DRAIN: Duration = Duration::from_secs(30);

/// The service's database, and the tenants in it, if its tables are there.
pub(crate) async fn open(
    url: DatabaseUrl,
    keys: UrlKeys,
) -> Result<(DatabaseConnection, DatabaseStore), StartError> {
    let database = Database::connect(options(&url))
        .await
        .map_err(|error| unreachable_database(&error, &url))?;
    let store = DatabaseStore::new(database.clone(), keys);
    Ok((database, store))
}

impl Service {
    /// A service whose tenants are in the database, their URLs sealed with the keys.
    pub fn builder(database: DatabaseUrl, keys: UrlKeys) -> ServiceBuilder {
        ServiceBuilder::new(database, keys)
    }

    pub(crate) async fn start(builder: ServiceBuilder) -> Result<Self, StartError> {
        let (database, store) = open(builder.database, builder.keys).await?;
        store.migrate().await?;
        let tokens = TokenStore::new(database);
        tokens.migrate().await.map_err(StartError::Tokens)?;

        let admin_token = match builder.admin_token {
            Some(token) => token,
            None => random_secret().map_err(|error| StartError::Random(error.into()))?,
        };
        let refused = |source| StartError::Listen {
            address: builder.listen,
            source,
        };
        let listener = TcpListener::bind(builder.listen).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let state = Arc::new(State {
            feed: Feed::new(store.revision().await?),
            store,
            tokens,
            admin: SecretDigest::of(&admin_token),
            tenant_database: builder.tenant_database,
            open_metrics: builder.open_metrics,
            metrics: Metrics::new(),
            streams: Arc::new(Semaphore::new(builder.max_event_streams)),
            stopping: watch::Sender::new(false),
            revoked: watch::Sender::new(()),
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
        .map_err(refused)?
        .run();
        let handle = server.handle();
        let serving = tokio::spawn(server);
        let fed = Arc::clone(&state);
        let feeding = tokio::spawn(async move { fed.feed.run(&fed.store, &fed.metrics).await });
        Ok(Self {
            address,
            admin_token,
            state,
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
        self.state.stopping.send_replace(true);
        self.server.stop(true).await;
        self.feeding.abort();
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the server failed"),
            Err(error) => tracing::error!(%error, "the server failed"),
        }
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
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
    /// Whether the service stops. Kept here, so that it is there for as long as requests are.
    pub(crate) stopping: watch::Sender<bool>,
    /// Changes when a token was taken back here.
    pub(crate) revoked: watch::Sender<()>,
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
