use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    body::{BodySize, MessageBody},
    web::Bytes,
};
use pin_project_lite::pin_project;
use tenant_core::TenantScope;

pin_project! {
    /// A response's body that is produced, and dropped, in the scope of the request's tenant.
    pub struct TenantBody<B> {
        // An `Option`, so that the body can be dropped inside the scope.
        #[pin]
        body: Option<B>,
        scope: TenantScope,
    }

    impl<B> PinnedDrop for TenantBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.scope.enter(|| this.body.set(None));
        }
    }
}

impl<B> TenantBody<B> {
    pub(crate) fn new(body: B, scope: TenantScope) -> Self {
        Self {
            body: Some(body),
            scope,
        }
    }
}

impl<B: MessageBody> MessageBody for TenantBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.as_ref().map_or(BodySize::None, MessageBody::size)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, B::Error>>> {
        let this = self.project();
        match this.body.as_pin_mut() {
            Some(body) => this.scope.enter(|| body.poll_next(context)),
            None => Poll::Ready(None),
        }
    }

    fn try_into_bytes(mut self) -> Result<Bytes, Self> {
        let Some(body) = self.body.take() else {
            return Ok(Bytes::new());
        };
        match self.scope.enter(|| body.try_into_bytes()) {
            Ok(bytes) => Ok(bytes),
            Err(body) => {
                self.body = Some(body);
                Err(self)
            }
        }
    }
}

impl<B> std::fmt::Debug for TenantBody<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantBody")
            .field("tenant", &self.scope.tenant())
            .finish_non_exhaustive()
    }
}
