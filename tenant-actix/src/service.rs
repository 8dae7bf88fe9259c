use std::{
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    Error,
    body::{self, BodySize, BoxBody, EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderMap, HeaderValue},
};
use tenant_core::{TenantInfo, TenantScope};

use crate::{
    TenantBody, TenantProblem, TenantRequest,
    admission::Admission,
    handling::{Handling, TenantFuture},
    middleware::Settings,
    observe::Observation,
    strategy::{Named, Progress},
};

/// What the middleware makes of a service.
pub struct TenantService<S> {
    inner: Rc<Inner<S>>,
}

/// The service that is wrapped, and what it is wrapped in.
pub(crate) struct Inner<S> {
    pub(crate) service: S,
    settings: Rc<Settings>,
    vary: Option<HeaderValue>,
}

impl<S> std::fmt::Debug for TenantService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantService").finish_non_exhaustive()
    }
}

impl<S> TenantService<S> {
    pub(crate) fn new(service: S, settings: Settings) -> Self {
        Self {
            inner: Rc::new(Inner {
                service,
                vary: settings.strategies.vary(),
                settings: Rc::new(settings),
            }),
        }
    }
}

pub(crate) type Response<B> = ServiceResponse<EitherBody<TenantBody<B>>>;

impl<S, B> Service<ServiceRequest> for TenantService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = TenantFuture<S, B>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.service.poll_ready(context)
    }

    fn call(&self, mut request: ServiceRequest) -> TenantFuture<S, B> {
        let inner = Rc::clone(&self.inner);
        let observation = Observation::start(&inner.settings);
        // Most requests have to wait for nobody.
        match inner.admit_at_once(&mut request) {
            Ok(Ok(admission)) => {
                TenantFuture::admitted(Handling::of(inner, request, admission, observation))
            }
            Ok(Err(problem)) => TenantFuture::refused(inner.refuse(request, &problem, observation)),
            Err(waiting) => TenantFuture::waiting(async move {
                match inner.admit(&mut request, waiting).await {
                    Ok(admission) => Handling::of(inner, request, admission, observation).await,
                    Err(problem) => Ok(inner.refuse(request, &problem, observation)),
                }
            }),
        }
    }
}

type Admitted = Result<Admission, TenantProblem>;

/// What has to be waited for, before a request can be admitted.
enum Waiting {
    /// A strategy has to ask.
    Strategy(Progress),
    /// The store has to ask.
    Store(Named),
}

impl<S> Inner<S> {
    /// Which tenant a request is for, if that one is served and this can be known at once.
    fn admit_at_once(&self, request: &mut ServiceRequest) -> Result<Admitted, Waiting> {
        let Settings {
            tenancy,
            strategies,
            excluded,
            proxies,
            ..
        } = &*self.settings;
        if excluded.has(request.match_info().as_str()) {
            return Ok(Ok(Admission::new(Rc::clone(&self.settings), None)));
        }
        let mut progress = Progress::default();
        let named = strategies.advance(&TenantRequest::new(request, proxies), &mut progress);
        match named {
            Some(Ok(named)) => match tenancy.served_at_hand(&named.tenant) {
                Some(served) => Ok(match served {
                    Ok(info) => Ok(self.admitted(&named, info, request)),
                    Err(error) => Err(error.into()),
                }),
                None => Err(Waiting::Store(named)),
            },
            Some(Err(problem)) => Ok(Err(problem)),
            None => Err(Waiting::Strategy(progress)),
        }
    }

    /// Which tenant a request is for, if that one is served.
    async fn admit(&self, request: &mut ServiceRequest, waiting: Waiting) -> Admitted {
        let Settings {
            tenancy,
            strategies,
            proxies,
            ..
        } = &*self.settings;
        let named = match waiting {
            Waiting::Strategy(progress) => {
                let seen = TenantRequest::new(request, proxies);
                strategies.finish(&seen, progress).await?
            }
            Waiting::Store(named) => named,
        };
        let info = tenancy.served(&named.tenant).await?;
        Ok(self.admitted(&named, info, request))
    }

    fn admitted(
        &self,
        named: &Named,
        info: Arc<TenantInfo>,
        request: &mut ServiceRequest,
    ) -> Admission {
        self.settings.strategies.consume(named, request);
        Admission::new(Rc::clone(&self.settings), Some(info))
    }
}

impl<S, B> Inner<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    fn refuse(
        &self,
        request: ServiceRequest,
        problem: &TenantProblem,
        mut observation: Observation,
    ) -> Response<B> {
        let mut answer = self.settings.answers.refuse(problem, request.request());
        append_vary(answer.headers_mut(), self.vary.as_ref());
        observation.answered(answer.status());
        request.into_response(answer).map_into_right_body()
    }

    /// Answers the problem that a response has, and keeps the tenant with its body.
    pub(crate) fn settle(
        &self,
        response: ServiceResponse<B>,
        ended: Result<(), TenantProblem>,
        scope: &TenantScope,
    ) -> Response<B> {
        let answers = &self.settings.answers;
        let refusal = match ended {
            Err(problem) => Some(answers.refuse(&problem, response.request())),
            Ok(()) => {
                let problem = response.response().error().and_then(Error::as_error);
                problem.map(|problem| answers.answer(problem, response.request()))
            }
        };
        // Without a tenant, no header named one.
        let vary = scope.tenant().and(self.vary.as_ref());
        if let Some(mut answer) = refusal {
            append_vary(answer.headers_mut(), vary);
            return response.into_response(answer).map_into_right_body();
        }
        response.map_body(|head, body| {
            append_vary(head.headers_mut(), vary);
            match body.size() {
                BodySize::None => EitherBody::right(BoxBody::new(body::None::new())),
                _ => match body.try_into_bytes() {
                    // It is all there: nothing is left to run.
                    Ok(bytes) => EitherBody::right(BoxBody::new(bytes)),
                    Err(body) => EitherBody::left(TenantBody::new(body, scope.clone())),
                },
            }
        })
    }
}

/// With another value of these headers, the answer would have been another one.
fn append_vary(headers: &mut HeaderMap, vary: Option<&HeaderValue>) {
    if let Some(vary) = vary {
        headers.append(header::VARY, vary.clone());
    }
}
