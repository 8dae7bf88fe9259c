//! A request that is being answered. Written by hand: as an async function, each request would allocate
//! it, and move its response once more.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{
    Error, HttpMessage as _,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse},
};
use futures_util::future::LocalBoxFuture;
use pin_project_lite::pin_project;
use tenant_core::{InTenant, TenantScope};

use crate::{
    TenantProblem,
    admission::Admission,
    observe::Observation,
    service::{Inner, Response},
    transaction::TransactionSlot,
};

pin_project! {
    /// What the middleware answers a request with.
    #[project = Stage]
    pub enum TenantFuture<S, B>
    where
        S: Service<ServiceRequest>,
    {
        Refused { response: Option<Response<B>> },
        Admitted { #[pin] handling: Handling<S, B> },
        Waiting { answer: LocalBoxFuture<'static, Answer<B>> },
    }
}

type Answer<B> = Result<Response<B>, Error>;

impl<S: Service<ServiceRequest>, B> TenantFuture<S, B> {
    pub(crate) fn refused(response: Response<B>) -> Self {
        Self::Refused {
            response: Some(response),
        }
    }

    pub(crate) fn admitted(handling: Handling<S, B>) -> Self {
        Self::Admitted { handling }
    }

    pub(crate) fn waiting(answer: impl Future<Output = Answer<B>> + 'static) -> Self {
        Self::Waiting {
            answer: Box::pin(answer),
        }
    }
}

impl<S, B> Future for TenantFuture<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Output = Answer<B>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<B>> {
        match self.project() {
            Stage::Admitted { handling } => handling.poll(context),
            Stage::Waiting { answer } => answer.as_mut().poll(context),
            Stage::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                // Polled once more than a future may be.
                None => Poll::Pending,
            },
        }
    }
}

impl<S: Service<ServiceRequest>, B> std::fmt::Debug for TenantFuture<S, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// The handler, and then the end of its transaction, in the scope of the tenant.
    pub struct Handling<S, B>
    where
        S: Service<ServiceRequest>,
    {
        #[pin]
        handler: InTenant<S::Future>,
        ending: Option<LocalBoxFuture<'static, Ended<B>>>,
        transaction: Rc<TransactionSlot>,
        // Of middleware outside.
        outer: Option<Admission>,
        scope: TenantScope,
        inner: Rc<Inner<S>>,
        observation: Observation,
    }

    impl<S, B> PinnedDrop for Handling<S, B>
    where
        S: Service<ServiceRequest>,
    {
        // A panic, or a client that went away: nobody ends the transaction.
        fn drop(this: Pin<&mut Self>) {
            this.transaction.close();
        }
    }
}

/// A response, and what became of its transaction.
type Ended<B> = (ServiceResponse<B>, Result<(), TenantProblem>);

impl<S: Service<ServiceRequest>, B> Handling<S, B> {
    pub(crate) fn of(
        inner: Rc<Inner<S>>,
        request: ServiceRequest,
        admission: Admission,
        mut observation: Observation,
    ) -> Self {
        observation.admitted(admission.tenant());
        let scope = match admission.tenant() {
            Some(info) => TenantScope::new(&info.id),
            None => TenantScope::none(),
        };
        let transaction = Rc::clone(admission.transaction());
        let outer = request.extensions_mut().insert(admission);
        // In the scope: routes' guards run in the call.
        let handler = scope.enter(|| inner.service.call(request));
        Self {
            handler: scope.run(handler),
            ending: None,
            transaction,
            outer,
            scope,
            inner,
            observation,
        }
    }
}

impl<S, B> Future for Handling<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    type Output = Answer<B>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<B>> {
        let this = self.project();
        let (response, ended) = if let Some(ending) = this.ending {
            ready!(ending.as_mut().poll(context))
        } else {
            let response = match ready!(this.handler.poll(context)) {
                Ok(response) => response,
                Err(error) => {
                    this.transaction.close();
                    this.observation
                        .answered(error.as_response_error().status_code());
                    return Poll::Ready(Err(error));
                }
            };
            match this.transaction.end(&response) {
                None => (response, Ok(())),
                Some(end) => {
                    let ending = async move { (response, end.await) };
                    let ending = this.ending.insert(Box::pin(this.scope.run(ending)));
                    ready!(ending.as_mut().poll(context))
                }
            }
        };
        if let Some(outer) = this.outer.take() {
            response.request().extensions_mut().insert(outer);
        }
        // In the scope: the application may answer problems, and bodies are its own.
        let response = this
            .scope
            .enter(|| this.inner.settle(response, ended, this.scope));
        this.observation.answered(response.status());
        Poll::Ready(Ok(response))
    }
}
