use std::{
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage as _,
    body::{EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
};
use futures_util::future::LocalBoxFuture;
use tenant_core::TenantScope;

use crate::{
    TenantBody, TenantProblem, TenantRequest, admission::Admission, middleware::Settings,
    observe::Observation,
};

/// What the middleware makes of a service.
pub struct TenantService<S> {
    inner: Rc<Inner<S>>,
}

struct Inner<S> {
    service: S,
    settings: Settings,
}

impl<S> std::fmt::Debug for TenantService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantService").finish_non_exhaustive()
    }
}

impl<S> TenantService<S> {
    pub(crate) fn new(service: S, settings: Settings) -> Self {
        Self {
            inner: Rc::new(Inner { service, settings }),
        }
    }
}

type Response<B> = ServiceResponse<EitherBody<TenantBody<B>>>;

impl<S, B> Service<ServiceRequest> for TenantService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = Response<B>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Response<B>, Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let inner = Rc::clone(&self.inner);
        Box::pin(async move { inner.answer(request).await })
    }
}

impl<S, B> Inner<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    async fn answer(&self, mut request: ServiceRequest) -> Result<Response<B>, Error> {
        let mut observation = Observation::start(&self.settings);
        let admission = if self.settings.excluded.has(request.match_info().as_str()) {
            Admission::without_tenant(self.settings.tenancy.clone())
        } else {
            match self.admit(&mut request).await {
                Ok(admission) => admission,
                Err(problem) => {
                    let response = self.settings.answers.refuse(&problem, request.request());
                    observation.answered(response.status());
                    return Ok(request.into_response(response).map_into_right_body());
                }
            }
        };
        observation.admitted(admission.tenant());
        let response = self.run(request, admission).await;
        observation.answered(match &response {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        });
        response
    }

    /// Which tenant a request is for, if that one is served.
    async fn admit(&self, request: &mut ServiceRequest) -> Result<Admission, TenantProblem> {
        let Settings {
            tenancy,
            strategies,
            proxies,
            ..
        } = &self.settings;
        let named = strategies
            .identify(&TenantRequest::new(request, proxies))
            .await?;
        let info = tenancy.served(&named.tenant).await?;
        strategies.consume(&named, request);
        Ok(Admission::of(tenancy.clone(), info))
    }

    async fn run(
        &self,
        request: ServiceRequest,
        admission: Admission,
    ) -> Result<Response<B>, Error> {
        let scope = match admission.tenant() {
            Some(info) => TenantScope::new(&info.id),
            None => TenantScope::none(),
        };
        let admission = Rc::new(admission);
        request.extensions_mut().insert(Rc::clone(&admission));
        let (response, ended) = scope
            .run(async {
                // Called in here: routes' guards run in the call.
                let response = self.service.call(request).await;
                let good = response.as_ref().is_ok_and(|response| {
                    response.status().is_success() || response.status().is_redirection()
                });
                (response, admission.end_transaction(good).await)
            })
            .await;
        let answers = &self.settings.answers;
        let response = response?;
        if let Err(problem) = ended {
            let answer = answers.refuse(&problem, response.request());
            return Ok(response.into_response(answer).map_into_right_body());
        }
        let problem = response.response().error().and_then(Error::as_error);
        if let Some(problem) = problem {
            let answer = answers.answer(problem, response.request());
            return Ok(response.into_response(answer).map_into_right_body());
        }
        Ok(response.map_body(|_, body| EitherBody::left(TenantBody::new(body, scope))))
    }
}
