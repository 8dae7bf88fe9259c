use std::{fmt, future::Ready, future::ready, sync::Arc, time::Duration};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
};
use tenant_core::Tenancy;

use crate::{
    InvalidSetting, TenantBody, TenantProblem, TenantStrategy, TrustedProxies,
    answers::Answers,
    exclude::ExcludedPaths,
    service::TenantService,
    strategy::{Header, Strategies},
};

/// Finds out which tenant a request is for, checks that the tenant is served, and runs the request
/// in the tenant's scope: handler, inner middleware, and the response's body while it streams.
///
/// A request that names no tenant is refused, but for [excluded paths](Self::exclude_paths).
/// Without a strategy of your own, the header `X-Tenant-ID` names the tenant.
///
/// ```
/// # use tenant_actix::{TenantMiddleware, strategy::Subdomain};
/// # fn example(tenancy: tenant_core::Tenancy) -> Result<(), tenant_actix::InvalidSetting> {
/// let tenants = TenantMiddleware::new(tenancy)
///     .strategy(Subdomain::of("books.example")?)
///     .exclude_paths(["/health", "/docs/*", "/invitations/{code}"])
///     .hide_existence(true)
///     .checked()?;
/// # Ok(()) }
/// ```
///
/// Cheap to clone. Make one, [check](Self::checked) it, and clone it into the application factory.
///
/// # Caches
///
/// Where a header names the tenant, one URL has an answer for each tenant. Answers say so with
/// `Vary`, refusals too, so that no cache gives one tenant's to another. Problems are `no-store`,
/// unless [`on_problem`](Self::on_problem) answers with a `Cache-Control` of its own.
///
/// Inner middleware that fails with an `Err` has no response yet that could say so: its error's
/// answer is its own.
///
/// # Its place among other middleware
///
/// Whatever is wrapped *before* it is inside, and runs for the tenant. Wrap `NormalizePath` and
/// `Cors` *after* it, so that they are outside: paths are matched as they are, and a preflight
/// request names no tenant.
#[derive(Clone)]
#[must_use = "middleware does nothing until an application is wrapped in it"]
pub struct TenantMiddleware {
    settings: Settings,
    mistake: Option<InvalidSetting>,
}

/// What a running middleware goes by.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) tenancy: Tenancy,
    pub(crate) strategies: Strategies,
    pub(crate) excluded: ExcludedPaths,
    pub(crate) proxies: TrustedProxies,
    pub(crate) answers: Answers,
    #[cfg(feature = "metrics")]
    pub(crate) metrics: Option<crate::TenantMetrics>,
}

impl TenantMiddleware {
    /// Middleware for the tenants of `tenancy`.
    pub fn new(tenancy: Tenancy) -> Self {
        Self {
            settings: Settings {
                tenancy,
                strategies: Strategies::default(),
                excluded: ExcludedPaths::default(),
                proxies: TrustedProxies::default(),
                answers: Answers::default(),
                #[cfg(feature = "metrics")]
                metrics: None,
            },
            mistake: None,
        }
    }

    /// A header names the tenant: [`Header`] as one more [strategy](Self::strategy).
    pub fn header_name(self, name: &str) -> Self {
        match Header::new(name) {
            Ok(header) => self.strategy(header),
            Err(mistake) => self.mistaken(mistake),
        }
    }

    /// One more way in which requests name their tenant, behind those that are there.
    ///
    /// The first strategy that finds a tenant decides, and one that finds something invalid refuses
    /// the request: so put what is verified before what anybody can write, or
    /// [require agreement](Self::require_agreement).
    pub fn strategy(mut self, strategy: impl TenantStrategy + 'static) -> Self {
        self.settings.strategies.push(Arc::new(strategy));
        self
    }

    /// Asks every strategy, and refuses a request in which two of them find different tenants: a
    /// token of one tenant on the subdomain of another, say. Those that find none have no say.
    pub fn require_agreement(mut self) -> Self {
        self.settings.strategies.require_agreement();
        self
    }

    /// Paths that are served without a tenant. Three forms:
    ///
    /// - `/health`: that path;
    /// - `/docs/*`: `/docs/` and everything below, but not `/docs`;
    /// - `/invitations/{code}`, `/files/{tail:.*}`: a pattern as actix's routes have it.
    ///
    /// Compared are whole paths, as actix routes them, with regard to case. A path that is not in its
    /// normal form is never excluded, whatever it may mean: empty, `.` and `..` segments, encoded
    /// or not, encoded slashes and escapes, backslashes. It needs a tenant like any other.
    pub fn exclude_paths<P: AsRef<str>>(mut self, paths: impl IntoIterator<Item = P>) -> Self {
        for path in paths {
            if let Err(mistake) = self.settings.excluded.add(path.as_ref()) {
                self = self.mistaken(mistake);
            }
        }
        self
    }

    /// Whose word on the host counts: see [`TrustedProxies`]. Without any, the `Host` header alone
    /// says which host a request is for.
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.settings.proxies = proxies;
        self
    }

    /// Answers for a tenant that is not served (suspended, in maintenance, being migrated, not ready,
    /// archived) as for one that does not exist. A tenant that is served is still told apart from an
    /// unknown one: by what your routes answer. Response times are not made alike. Default: no.
    pub fn hide_existence(mut self, hide: bool) -> Self {
        self.settings.answers.hide_existence = hide;
        self
    }

    /// What `Retry-After` says, in whole seconds, on answers with 503. Default: 10 s.
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.settings.answers.retry_after = delay;
        self
    }

    /// Answers problems in the application's own way: a page for browsers, a body of another form,
    /// another status. Where it returns `None`, the answer stays what it is.
    ///
    /// It is asked about the middleware's own refusals, about each [`TenantProblem`] that an extractor or
    /// a handler fails with, and about a [`TenantTransaction`](crate::TenantTransaction) that could not
    /// be committed although the handler had answered well. It sees the problem as it is, also where
    /// [existence is hidden](Self::hide_existence). The answer takes the place of the whole response
    /// there was, headers of inner middleware included. It gets `Vary`, and `Cache-Control: no-store`
    /// where it has no `Cache-Control`.
    ///
    /// Inner middleware that itself fails with a problem (an `Err`, and no response) is beyond its
    /// reach, and answered as by default.
    ///
    /// ```
    /// # use actix_web::{HttpRequest, HttpResponse};
    /// # use tenant_actix::{TenantMiddleware, TenantProblem};
    /// # use tenant_core::TenantError;
    /// # fn example(tenancy: tenant_core::Tenancy) {
    /// TenantMiddleware::new(tenancy).on_problem(|problem, _request| match problem {
    ///     TenantProblem::Tenant(TenantError::Suspended { .. }) => {
    ///         Some(HttpResponse::PaymentRequired().body("Please see to your bill."))
    ///     }
    ///     _ => None,
    /// });
    /// # }
    /// ```
    pub fn on_problem(
        mut self,
        answer: impl Fn(&TenantProblem, &HttpRequest) -> Option<HttpResponse> + Send + Sync + 'static,
    ) -> Self {
        self.settings.answers.on_problem = Some(Arc::new(answer));
        self
    }

    /// Counts and times requests.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, metrics: crate::TenantMetrics) -> Self {
        self.settings.metrics = Some(metrics);
        self
    }

    /// Says what is wrong with the settings, if anything is. Unchecked, a mistake is logged when the
    /// application starts, which fails then.
    ///
    /// # Errors
    ///
    /// The first header name, pattern or other setting that makes no sense.
    pub fn checked(self) -> Result<Self, InvalidSetting> {
        match self.mistake {
            Some(mistake) => Err(mistake),
            None => Ok(self),
        }
    }

    fn mistaken(mut self, mistake: InvalidSetting) -> Self {
        self.mistake.get_or_insert(mistake);
        self
    }
}

impl fmt::Debug for TenantMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantMiddleware")
            .field("tenancy", &self.settings.tenancy)
            .field("strategies", &self.settings.strategies.clone().or_header())
            .field("excluded", &self.settings.excluded)
            .field("proxies", &self.settings.proxies)
            .field("answers", &self.settings.answers)
            .finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for TenantMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<TenantBody<B>>>;
    type Error = Error;
    type Transform = TenantService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(match &self.mistake {
            Some(mistake) => {
                tracing::error!(%mistake, "the tenant middleware cannot start");
                Err(())
            }
            None => {
                let mut settings = self.settings.clone();
                settings.strategies = settings.strategies.or_header();
                Ok(TenantService::new(inner, settings))
            }
        })
    }
}
