use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
};

use secrecy::{ExposeSecret, SecretString};
use tenant_core::{DatabaseUrl, UrlKeys};

use crate::{
    ServiceError,
    service::{self, RunningService},
};

/// How a service is to run. Made by [`Service::builder`](crate::Service::builder).
#[derive(Clone)]
#[must_use]
pub struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) database: DatabaseUrl,
    pub(crate) keys: UrlKeys,
    pub(crate) admin_token: Option<SecretString>,
    pub(crate) tenant_database: Option<DatabaseUrl>,
    pub(crate) max_event_streams: usize,
    pub(crate) open_metrics: bool,
}

impl Settings {
    /// The shortest administrator's token that is taken.
    pub const MIN_ADMIN_TOKEN: usize = 20;

    pub(crate) fn new(database: DatabaseUrl, keys: UrlKeys) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8088).into(),
            database,
            keys,
            admin_token: None,
            tenant_database: None,
            max_event_streams: 1_000,
            open_metrics: true,
        }
    }

    /// Where to listen: `127.0.0.1:8088` unless told. Port 0 takes any that is free.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The administrator's token, of at least [`MIN_ADMIN_TOKEN`](Self::MIN_ADMIN_TOKEN) bytes.
    /// Without one, a token of 32 random bytes is made at each start:
    /// [`RunningService::expose_admin_token`] has it.
    pub fn admin_token(mut self, token: impl Into<SecretString>) -> Self {
        self.admin_token = Some(token.into());
        self
    }

    /// Where tenants go whose request names no database. Without one, each request must.
    pub fn tenant_database(mut self, url: DatabaseUrl) -> Self {
        self.tenant_database = Some(url);
        self
    }

    /// How many event streams may be open at once: 1,000 unless told. Further ones are answered
    /// with 503.
    pub fn max_event_streams(mut self, most: usize) -> Self {
        self.max_event_streams = most;
        self
    }

    /// Whether `/metrics` is there without a token, which it is unless told. It has nothing about
    /// single tenants. Where it is not, it takes the scope `tenants:read`.
    pub fn open_metrics(mut self, open: bool) -> Self {
        self.open_metrics = open;
        self
    }

    /// Makes the tables that are missing, and serves.
    ///
    /// # Errors
    ///
    /// See [`ServiceError`].
    pub async fn start(self) -> Result<RunningService, ServiceError> {
        if let Some(token) = &self.admin_token
            && token.expose_secret().len() < Self::MIN_ADMIN_TOKEN
        {
            return Err(ServiceError::ShortAdminToken);
        }
        RunningService::start(self).await
    }

    /// Encrypts anew, with the first key, every URL that another one encrypted, and says how many.
    /// Services may go on meanwhile, if they have the first key too.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Store`].
    pub async fn reseal(self) -> Result<u64, ServiceError> {
        Ok(service::store(self.database, self.keys)
            .await?
            .1
            .reseal()
            .await?)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("max_event_streams", &self.max_event_streams)
            .field("open_metrics", &self.open_metrics)
            .finish_non_exhaustive()
    }
}
