use std::{fmt, sync::Arc, time::Duration};

use reqwest::{header::HeaderValue, redirect};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{Backoff, Shared, TenantServiceClient, tls};
use crate::TenantError;

/// Configures a [`TenantServiceClient`].
///
/// ```
/// use std::time::Duration;
/// use tenant_core::TenantServiceClient;
///
/// let service = TenantServiceClient::builder("https://platform.internal/tenancy/")
///     .token("s3cret")
///     .total_timeout(Duration::from_secs(5))
///     .build()?;
/// # Ok::<(), tenant_core::TenantError>(())
/// ```
#[derive(Clone)]
#[must_use = "call `build`"]
pub struct TenantServiceClientBuilder {
    base_url: String,
    token: Option<SecretString>,
    user_agent: String,
    root_certificates: Vec<Vec<u8>>,
    plain_http: bool,
    connect_timeout: Duration,
    attempt_timeout: Duration,
    total_timeout: Duration,
    events_idle_timeout: Duration,
    max_attempts: u32,
    backoff: Backoff,
}

impl TenantServiceClientBuilder {
    pub(super) fn new(base_url: String) -> Self {
        Self {
            base_url,
            token: None,
            user_agent: concat!("sea-orm-tenant/", env!("CARGO_PKG_VERSION")).to_owned(),
            root_certificates: Vec::new(),
            plain_http: false,
            connect_timeout: Duration::from_secs(2),
            attempt_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            events_idle_timeout: Duration::from_secs(30),
            max_attempts: 4,
            backoff: Backoff {
                initial: Duration::from_millis(100),
                max: Duration::from_secs(2),
            },
        }
    }

    /// Sent as `Authorization: Bearer`. Default: no token.
    pub fn token(mut self, token: impl Into<SecretString>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Bounds connecting, with TLS. Default: 2 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Bounds one attempt, up to the last byte of its answer. Default: 3 seconds.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// Bounds a call with all its attempts and the waits between them. Default: 10 seconds.
    pub fn total_timeout(mut self, timeout: Duration) -> Self {
        self.total_timeout = timeout;
        self
    }

    /// How often a call is tried at most. Default: 4.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// The longest wait after the first failure; it doubles from failure to failure. Default: 100
    /// milliseconds.
    pub fn initial_backoff(mut self, wait: Duration) -> Self {
        self.backoff.initial = wait;
        self
    }

    /// The longest wait after any failure, unless the service asks for a longer one. Default: 2
    /// seconds.
    pub fn max_backoff(mut self, wait: Duration) -> Self {
        self.backoff.max = wait;
        self
    }

    /// How long the [stream of changes](TenantServiceClient::changes) may be silent before it
    /// connects anew. The service sends something every 10 seconds. Default: 30 seconds.
    pub fn events_idle_timeout(mut self, timeout: Duration) -> Self {
        self.events_idle_timeout = timeout;
        self
    }

    /// Who the service is told is asking. Default: `sea-orm-tenant` and its version.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Also trusts the certificates in this PEM text: a file's contents, not its path. Unused with
    /// `http://`.
    pub fn add_root_certificate_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates.push(pem.into());
        self
    }

    /// Allows `http://` to a host that is not this one. The token and the passwords of databases
    /// then travel in the clear: for networks that encrypt by themselves, as a service mesh does.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Makes the client. Nothing is connected.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`], naming the setting: when the base URL is none, is neither
    /// `http` nor `https`, or has a user, a query or a fragment; for `http` to another host unless
    /// it is [allowed](Self::allow_plain_http); when the token or the user agent cannot be sent in
    /// a header; for attempts, timeouts or waits of zero, and for certificates that are none.
    pub fn build(self) -> Result<TenantServiceClient, TenantError> {
        let base = self.base()?;
        let authorization = self.authorization()?;
        self.check_bounds()?;
        let mut roots = Vec::new();
        for pem in &self.root_certificates {
            roots.extend(tls::certificates(pem)?);
        }
        let config = match base.scheme() {
            "https" => tls::trusting(roots)?,
            _ => tls::trusting_nobody()?,
        };
        let user_agent = HeaderValue::try_from(self.user_agent)
            .map_err(|_| refused("user_agent", "it cannot be sent in a header"))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(self.connect_timeout)
            .user_agent(user_agent)
            .build()
            .map_err(|error| {
                TenantError::Configuration(format!(
                    "the tenant service's client: {}",
                    error.without_url()
                ))
            })?;
        Ok(TenantServiceClient {
            shared: Arc::new(Shared {
                http,
                base,
                authorization,
                attempt_timeout: self.attempt_timeout,
                total_timeout: self.total_timeout,
                max_attempts: self.max_attempts,
                backoff: self.backoff,
                events_idle_timeout: self.events_idle_timeout,
            }),
        })
    }

    /// The base URL, which no message repeats: it may hold a password where none belongs.
    fn base(&self) -> Result<Url, TenantError> {
        let refused = |why: &str| Err(refused("base_url", why));
        let base = match Url::parse(&self.base_url) {
            Ok(base) => base,
            Err(error) => return refused(&format!("it is no URL: {error}")),
        };
        if !matches!(base.scheme(), "http" | "https") {
            return refused("it begins neither with http:// nor with https://");
        }
        if !base.username().is_empty() || base.password().is_some() {
            return refused("it has a user or a password; use `token`");
        }
        if base.query().is_some() || base.fragment().is_some() {
            return refused("it has a query or a fragment; only a path may follow the host");
        }
        if base.scheme() == "http" && !self.plain_http && !is_loopback(&base) {
            return refused(
                "http:// to another host sends the token and database passwords in the clear; use https://, or `allow_plain_http` on a network that encrypts",
            );
        }
        Ok(base)
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, TenantError> {
        let Some(token) = &self.token else {
            return Ok(None);
        };
        let token = token.expose_secret();
        if token.is_empty() {
            return Err(refused("token", "it is empty"));
        }
        let sendable = token.bytes().all(|byte| byte.is_ascii_graphic());
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(mut value) if sendable => {
                value.set_sensitive(true);
                Ok(Some(value))
            }
            _ => Err(refused(
                "token",
                "it cannot be sent in a header; it may be a line break at its end",
            )),
        }
    }

    fn check_bounds(&self) -> Result<(), TenantError> {
        for (setting, duration) in [
            ("connect_timeout", self.connect_timeout),
            ("attempt_timeout", self.attempt_timeout),
            ("total_timeout", self.total_timeout),
            ("events_idle_timeout", self.events_idle_timeout),
            ("initial_backoff", self.backoff.initial),
            ("max_backoff", self.backoff.max),
        ] {
            if duration.is_zero() {
                return Err(refused(setting, "it is zero"));
            }
        }
        if self.max_attempts == 0 {
            return Err(refused("max_attempts", "it is zero"));
        }
        Ok(())
    }
}

fn refused(setting: &str, why: &str) -> TenantError {
    TenantError::Configuration(format!("the tenant service's `{setting}`: {why}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl fmt::Debug for TenantServiceClientBuilder {
    /// Without the base URL and the token, which are not looked at before
    /// [`build`](TenantServiceClientBuilder::build).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantServiceClientBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(builder: TenantServiceClientBuilder) -> String {
        let error = builder.build().unwrap_err();
        assert!(matches!(error, TenantError::Configuration(_)), "{error:?}");
        error.to_string()
    }

    fn builder(url: &str) -> TenantServiceClientBuilder {
        TenantServiceClient::builder(url)
    }

    #[test]
    fn a_base_url_that_is_none_is_refused_and_not_repeated() {
        for url in [
            "hunter2",
            "ftp://hunter2",
            "mailto:hunter2",
            "https://u:hunter2@h",
            "https://hunter2@h",
            "https://h?hunter2",
            "https://h#hunter2",
            "http://h/hunter2",
            "http://localhost.evil/hunter2",
        ] {
            let refused = refusal(builder(url));
            assert!(refused.contains("`base_url`"), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
            assert!(!format!("{:?}", builder(url)).contains("hunter2"));
        }
    }

    #[test]
    fn plain_http_is_for_this_host_unless_allowed() {
        for url in ["http://localhost:1", "http://127.1.2.3", "http://[::1]/a"] {
            builder(url).build().unwrap();
        }
        builder("http://tenants")
            .allow_plain_http()
            .build()
            .unwrap();
    }

    #[test]
    fn https_needs_no_global_provider() {
        let client = builder("https://tenants.internal/a").token("hunter2");
        let shown = format!("{:?}", client.build().unwrap());
        assert!(shown.contains("https://tenants.internal"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let base = || builder("http://localhost");
        let zero = Duration::ZERO;
        for (setting, builder) in [
            ("token", base().token("hunter2\n")),
            ("token", base().token("hunter2 ü")),
            ("token", base().token("")),
            ("user_agent", base().user_agent("a\nb")),
            ("max_attempts", base().max_attempts(0)),
            ("connect_timeout", base().connect_timeout(zero)),
            ("attempt_timeout", base().attempt_timeout(zero)),
            ("total_timeout", base().total_timeout(zero)),
            ("events_idle_timeout", base().events_idle_timeout(zero)),
            ("initial_backoff", base().initial_backoff(zero)),
            ("max_backoff", base().max_backoff(zero)),
            (
                "add_root_certificate_pem",
                base().add_root_certificate_pem("x"),
            ),
        ] {
            assert!(!format!("{builder:?}").contains("hunter2"));
            let refused = refusal(builder);
            assert!(refused.contains(setting), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn a_path_is_kept_with_and_without_its_slash() {
        for (base, expected) in [
            ("http://localhost", "http://localhost/tenants/a%2F"),
            ("http://localhost/", "http://localhost/tenants/a%2F"),
            ("http://localhost/x", "http://localhost/x/tenants/a%2F"),
            ("http://localhost/x/", "http://localhost/x/tenants/a%2F"),
        ] {
            let client = builder(base).build().unwrap();
            assert_eq!(client.shared.url(&["tenants", "a/"]).as_str(), expected);
        }
    }
}
