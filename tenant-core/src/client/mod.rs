//! The client of the tenant management service.

mod answer;
mod backoff;
mod builder;
mod error;
mod events;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod parser;
mod request;
#[cfg(test)]
mod tests;
mod tls;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::header::HeaderValue;
use tokio::task::JoinSet;
use url::Url;

use self::backoff::Backoff;
pub use self::{builder::TenantServiceClientBuilder, error::ServiceError, events::TenantChanges};
use crate::{
    ConnectionInfo, ListedTenant, PlacedPage, PlacedTenant, TenantDirectory, TenantError, TenantId,
    TenantInfo, TenantPage, TenantQuery, TenantStore,
};

/// The client of the tenant management service: tenants are looked up over HTTP.
///
/// Cheap to clone; clones share their connections. A [`TenantStore`] that asks the service each
/// time: put a [`CachedStore`](crate::CachedStore) in front, and let it follow
/// [`changes`](Self::changes).
///
/// A failed attempt is repeated when repeating may help: after a transport error, a timeout, a
/// truncated answer, status 429 and those of 500 and above. Waits grow exponentially with full
/// jitter, and are never shorter than the service asks for with `Retry-After`. Redirects are not
/// followed, and proxies are not taken from the environment: the token goes to the service alone.
///
/// ```no_run
/// use tenant_core::{TenantId, TenantServiceClient};
///
/// # async fn example() -> Result<(), tenant_core::TenantError> {
/// let service = TenantServiceClient::builder("https://tenants.internal")
///     .token(std::env::var("TENANT_SERVICE_TOKEN").unwrap_or_default())
///     .build()?;
/// let acme = TenantId::from_static("acme");
/// let info = service.get_tenant_info(&acme).await?;
/// let placed = service.get_tenant_connection_info(&acme).await?;
/// println!("{} is in {}", info.name, placed.schema());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TenantServiceClient {
    shared: Arc<Shared>,
}

/// What all clones of a client have in common.
struct Shared {
    http: reqwest::Client,
    base: Url,
    /// Marked as sensitive.
    authorization: Option<HeaderValue>,
    attempt_timeout: Duration,
    total_timeout: Duration,
    max_attempts: u32,
    backoff: Backoff,
    events_idle_timeout: Duration,
}

/// The most that is read of an answer about one tenant, in bytes.
const TENANT_BOUND: usize = 64 * 1024;
/// The most that is read of a listing, in bytes.
const LIST_BOUND: usize = 4 * 1024 * 1024;
/// The most tenants that are asked for at once: so many fit into that, each with all that a
/// [`DatabaseStore`](crate::DatabaseStore) takes of it.
const LIST_LIMIT: u32 = 200;

impl TenantServiceClient {
    /// Configures a client of the service at `base_url`, which may have a path.
    pub fn builder(base_url: impl Into<String>) -> TenantServiceClientBuilder {
        TenantServiceClientBuilder::new(base_url.into())
    }

    /// What the service knows about a tenant.
    ///
    /// # Errors
    ///
    /// - [`TenantError::UnknownTenant`] when the service says so, by its own type of problem. Any
    ///   other answer of status 404, JSON or not, may be that of a proxy.
    /// - [`TenantError::StoreUnavailable`] with a [`ServiceError`] inside when there was no usable
    ///   answer in time: also when an answer is not the JSON that is documented.
    /// - [`TenantError::InvalidStoreEntry`] when it is, and says something of the tenant that makes no
    ///   sense.
    /// - [`TenantError::Configuration`] when the service refuses the token.
    pub async fn get_tenant_info(&self, id: &TenantId) -> Result<TenantInfo, TenantError> {
        let url = self.shared.url(&["tenants", id.as_str()]);
        let body = self.shared.get(url, Some(id), TENANT_BOUND);
        body.await.and_then(|body| answer::info(&body, id))
    }

    /// Where a tenant's tables are, according to the service.
    ///
    /// # Errors
    ///
    /// As [`get_tenant_info`](Self::get_tenant_info).
    pub async fn get_tenant_connection_info(
        &self,
        id: &TenantId,
    ) -> Result<ConnectionInfo, TenantError> {
        let url = self.shared.url(&["tenants", id.as_str(), "connection"]);
        let body = self.shared.get(url, Some(id), TENANT_BOUND);
        body.await.and_then(|body| answer::connection(&body, id))
    }

    /// One page of the tenants that the service knows, at most 200 of them.
    ///
    /// # Errors
    ///
    /// [`TenantError::StoreUnavailable`] and [`TenantError::Configuration`], as
    /// [`get_tenant_info`](Self::get_tenant_info). What makes no sense of one tenant is said with the
    /// tenant.
    pub async fn list(&self, query: &TenantQuery) -> Result<TenantPage, TenantError> {
        let mut url = self.shared.url(&["tenants"]);
        if let Some(status) = query.status {
            url.query_pairs_mut().append_pair("status", status.as_str());
        }
        if let Some(after) = &query.after {
            url.query_pairs_mut().append_pair("after", after.as_str());
        }
        if let Some(limit) = query.limit {
            url.query_pairs_mut()
                .append_pair("limit", &limit.min(LIST_LIMIT).to_string());
        }
        let body = self.shared.get(url, None, LIST_BOUND);
        body.await.and_then(|body| answer::page(&body))
    }

    /// The changes of tenants, as the service tells them. Never ends: it reconnects by itself.
    pub fn changes(&self) -> TenantChanges {
        TenantChanges::of(Arc::clone(&self.shared))
    }
}

#[async_trait::async_trait]
impl TenantStore for TenantServiceClient {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        self.get_tenant_info(id).await.map(Arc::new)
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        self.get_tenant_connection_info(id).await.map(Arc::new)
    }
}

/// How many places are asked for at once.
const PLACES_AT_ONCE: usize = 16;

/// The service tells the place of one tenant at a time: they are asked for, some at once.
#[async_trait::async_trait]
impl TenantDirectory for TenantServiceClient {
    async fn list_placed(&self, query: &TenantQuery) -> Result<PlacedPage, TenantError> {
        let TenantPage { tenants, next } = self.list(query).await?;
        let mut unplaced = tenants.into_iter().enumerate();
        let mut asking = JoinSet::new();
        let mut placed = Vec::new();
        loop {
            while asking.len() < PLACES_AT_ONCE
                && let Some((number, ListedTenant { id, info })) = unplaced.next()
            {
                let service = self.clone();
                asking.spawn(async move {
                    let place = service.get_tenant_connection_info(&id).await;
                    (number, PlacedTenant::new(id, info, place.map(Arc::new)))
                });
            }
            match asking.join_next().await {
                Some(answered) => placed.push(answered.map_err(TenantError::store_unavailable)?),
                None => break,
            }
        }
        placed.sort_unstable_by_key(|(number, _)| *number);
        let placed = placed.into_iter().map(|(_, tenant)| tenant);
        Ok(PlacedPage::new(placed.collect(), next))
    }
}

impl fmt::Debug for TenantServiceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantServiceClient")
            .field("service", &self.shared.origin())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// A resource of the service. Segments are encoded.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Cannot fail: the builder refuses URLs that have no path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Scheme, host and port: what errors and logs may say.
    fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    fn request(&self, url: Url) -> reqwest::RequestBuilder {
        let request = self.http.get(url);
        match &self.authorization {
            Some(token) => request.header(reqwest::header::AUTHORIZATION, token),
            None => request,
        }
    }
}
