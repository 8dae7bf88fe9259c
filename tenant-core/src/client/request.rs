use std::time::{Duration, Instant, SystemTime};

use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER},
};
use url::Url;

use super::{ServiceError, Shared, TENANT_BOUND, answer};
use crate::{TenantError, TenantId};

/// An attempt that failed.
pub(super) struct Failure {
    pub(super) error: TenantError,
    /// The least time to wait before the next attempt; nothing when there is no sense in one.
    pub(super) again_after: Option<Duration>,
}

impl Failure {
    pub(super) fn passing(error: ServiceError) -> Self {
        Self {
            error: error.into(),
            again_after: Some(Duration::ZERO),
        }
    }

    pub(super) fn lasting(error: impl Into<TenantError>) -> Self {
        Self {
            error: error.into(),
            again_after: None,
        }
    }
}

impl Shared {
    /// The body of an answer with status 200, after as many attempts as are allowed and make sense.
    /// `tenant` is whom it is about, when it is about one.
    pub(super) async fn get(
        &self,
        url: Url,
        tenant: Option<&TenantId>,
        bound: usize,
    ) -> Result<Vec<u8>, TenantError> {
        let begun = Instant::now();
        let left = || self.total_timeout.saturating_sub(begun.elapsed());
        let mut last_error = None;
        let mut attempt = 1;
        loop {
            let within = self.attempt_timeout.min(left());
            let attempted = self.attempt(url.clone(), tenant, bound);
            let failure = match tokio::time::timeout(within, attempted).await {
                Ok(Ok(body)) => return Ok(body),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    let timeout = ServiceError::Timeout { within };
                    // An attempt that the whole call's end cut short says less than the one before.
                    match last_error.take() {
                        Some(error) if within < self.attempt_timeout => return Err(error),
                        _ => Failure::passing(timeout),
                    }
                }
            };
            let Some(at_least) = failure.again_after.filter(|_| attempt < self.max_attempts) else {
                return Err(failure.error);
            };
            let wait = self.backoff.after(attempt).max(at_least);
            if wait >= left() {
                return Err(failure.error);
            }
            tracing::debug!(
                tenant.id = tenant.map(TenantId::as_str),
                attempt,
                error = %failure.error,
                ?wait,
                "asking the tenant service again"
            );
            tokio::time::sleep(wait).await;
            last_error = Some(failure.error);
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        url: Url,
        tenant: Option<&TenantId>,
        bound: usize,
    ) -> Result<Vec<u8>, Failure> {
        let request = self.request(url).header(ACCEPT, "application/json");
        let response = request
            .send()
            .await
            .map_err(|error| Failure::passing(ServiceError::transport(error)))?;
        match (response.status(), tenant) {
            (StatusCode::OK, _) => {
                let body = read(response, bound).await?;
                answer::check_whole(&body)?;
                Ok(body)
            }
            (StatusCode::NOT_FOUND, Some(tenant)) => Err(self.not_found(response, tenant).await),
            _ => Err(self.refusal(&response)),
        }
    }

    /// An outage is not an unknown tenant: only the service itself says that there is none.
    async fn not_found(&self, response: Response, tenant: &TenantId) -> Failure {
        let refusal = self.refusal(&response);
        if !is_json(response.headers()) {
            return refusal;
        }
        match read(response, TENANT_BOUND).await {
            Ok(body) if answer::is_unknown_tenant(&body) => {
                Failure::lasting(TenantError::UnknownTenant {
                    tenant: tenant.clone(),
                })
            }
            Ok(_) => refusal,
            Err(failure) => failure,
        }
    }

    /// What a status that is no answer means.
    pub(super) fn refusal(&self, response: &Response) -> Failure {
        let status = response.status();
        let again_after = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let way_out = match (status, &self.authorization) {
                    (StatusCode::FORBIDDEN, Some(_)) => "give the `token` the scope for this",
                    (_, Some(_)) => "it does not accept the `token`; set a valid one",
                    (_, None) => "it wants a token; set `token`",
                };
                return Failure::lasting(TenantError::Configuration(format!(
                    "the tenant service at {} answered with status {}: {way_out}",
                    self.origin(),
                    status.as_u16()
                )));
            }
            StatusCode::TOO_MANY_REQUESTS => Some(retry_after(response.headers())),
            status if status.is_server_error() => Some(retry_after(response.headers())),
            _ => None,
        };
        let status = status.as_u16();
        Failure {
            error: ServiceError::Status { status }.into(),
            again_after,
        }
    }
}

/// The whole body, if it is not longer than `bound`. What its head says of its length is not
/// trusted.
async fn read(mut response: Response, bound: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > bound => {
                return Err(Failure::lasting(ServiceError::TooLarge { bound }));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(Failure::passing(ServiceError::transport(error))),
        }
    }
}

/// The media type, without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    let value = String::from_utf8_lossy(value.unwrap_or_default());
    let essence = value.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_json(headers: &HeaderMap) -> bool {
    matches!(
        media_type(headers).as_str(),
        "application/json" | "application/problem+json"
    )
}

/// How long the service wants to be left alone: seconds, or a date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap) -> Duration {
    let value = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Duration::from_secs(value.parse().unwrap_or(u64::MAX));
    }
    httpdate::parse_http_date(value)
        .ok()
        .and_then(|date| date.duration_since(SystemTime::now()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(value: &str) -> Duration {
        let value = value.parse().unwrap();
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(wanted("7"), Duration::from_secs(7));
        assert_eq!(
            wanted("99999999999999999999999"),
            Duration::from_secs(u64::MAX)
        );
        assert_eq!(wanted("-1"), Duration::ZERO);
        assert_eq!(wanted("soon"), Duration::ZERO);
        let hour = SystemTime::now() + Duration::from_secs(3600);
        let wait = wanted(&httpdate::fmt_http_date(hour));
        assert!(wait > Duration::from_secs(3000), "{wait:?}");
        assert_eq!(wanted("Sun, 06 Nov 1994 08:49:37 GMT"), Duration::ZERO);
        assert_eq!(retry_after(&HeaderMap::new()), Duration::ZERO);
    }
}
