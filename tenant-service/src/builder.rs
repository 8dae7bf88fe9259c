use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
};

use secrecy::{ExposeSecret, SecretString};
use tenant_core::{DatabaseUrl, UrlKeys};
use tokio::sync::Semaphore;

use crate::{Service, StartError, service};

/// How a service is to run. Made by [`Service::builder`].
#[derive(Clone)]
#[must_use]
pub struct ServiceBuilder {
    pub(crate) listen: SocketAddr,
    pub(crate) database: DatabaseUrl,
    pub(crate) keys: UrlKeys,
    pub(crate) admin_token: Option<SecretString>,
    pub(crate) tenant_database: Option<DatabaseUrl>,
    pub(crate) max_event_streams: usize,
    pub(crate) open_metrics: bool,
}

impl ServiceBuilder {
    /// The shortest administrator's token that is taken, in bytes.
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

    /// The administrator's token, of at least [`MIN_ADMIN_TOKEN`](Self::MIN_ADMIN_TOKEN) visible ASCII
    /// characters: neither blanks nor the newline at the end of a file can be sent. Without one, a
    /// token of 32 random bytes is made at each start: [`Service::expose_admin_token`] has it.
    pub fn admin_token(mut self, token: impl Into<SecretString>) -> Self {
        self.admin_token = Some(token.into());
        self
    }

    /// Where tenants go whose request names no database. Without one, each request must.
    pub fn tenant_database(mut self, url: DatabaseUrl) -> Self {
        self.tenant_database = Some(url);
        self
    }

    /// How many event streams may be open at once: 1,000 unless told, and never more than
    /// [`Semaphore::MAX_PERMITS`]. Further ones are answered with 503.
    pub fn max_event_streams(mut self, most: usize) -> Self {
        self.max_event_streams = most.min(Semaphore::MAX_PERMITS);
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
    /// See [`StartError`].
    pub async fn start(self) -> Result<Service, StartError> {
        if let Some(token) = &self.admin_token {
            check_admin_token(token.expose_secret())?;
        }
        Service::start(self).await
    }

    /// Encrypts anew, with the first key, every URL that another one encrypted, and says how many.
    /// Services may go on meanwhile, if they have the first key too. Neither a database nor a table
    /// is made.
    ///
    /// # Errors
    ///
    /// [`StartError::NothingToReseal`] when the database is an SQLite file that is not there;
    /// [`StartError::Store`] when it has no tables of a service, among others.
    pub async fn reseal(self) -> Result<u64, StartError> {
        if let Some(file) = self.database.file()
            && !file.exists()
        {
            return Err(StartError::NothingToReseal { file });
        }
        let (_, store) = service::open(self.database, self.keys).await?;
        Ok(store.reseal().await?)
    }
}

fn check_admin_token(token: &str) -> Result<(), StartError> {
    let least = ServiceBuilder::MIN_ADMIN_TOKEN;
    let refused = |reason| Err(StartError::InvalidAdminToken { reason });
    if token.len() < least {
        return refused(format!(
            "it is shorter than {least} bytes; make a longer one"
        ));
    }
    match token.bytes().position(|byte| !byte.is_ascii_graphic()) {
        // Nobody could present it: a header ends there, or is trimmed.
        Some(at) => refused(format!(
            "its byte {at} of {} is no visible ASCII character, as a blank or the newline at the end of a file; take it away",
            token.len()
        )),
        None => Ok(()),
    }
}

impl fmt::Debug for ServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceBuilder")
            .field("listen", &self.listen)
            .field("max_event_streams", &self.max_event_streams)
            .field("open_metrics", &self.open_metrics)
            .finish_non_exhaustive()
    }
}
