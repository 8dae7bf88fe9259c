use std::fmt;

use actix_web::{
    Error,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
};

use super::{LeakCheck, LeakReport, Visit};
use crate::TestkitError;

/// All that a client gets.
struct Answer(String);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl LeakCheck {
    /// Visits an actix application by requests: `app` is what `actix_web::test::init_service` makes,
    /// and `request` makes a request of a visit's tenant.
    ///
    /// Status, headers and body are looked at. A visit that is cancelled is what a client that
    /// disconnects is to actix: the request's future is dropped.
    ///
    /// ```no_run
    /// # async fn test(mut check: tenant_testkit::LeakCheck) -> Result<(), tenant_testkit::TestkitError> {
    /// use actix_web::{App, test::{TestRequest, init_service}, web};
    ///
    /// let app = init_service(App::new().route("/books", web::get().to(|| async { "..." }))).await;
    /// let report = check
    ///     .run_app(&app, |visit| {
    ///         TestRequest::get()
    ///             .uri("/books")
    ///             .insert_header(("X-Tenant-ID", visit.tenant().as_str()))
    ///             .to_request()
    ///     })
    ///     .await?;
    /// report.assert_none();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn run_app<S, R, B>(
        &mut self,
        app: &S,
        request: impl Fn(&Visit) -> R,
    ) -> Result<LeakReport, TestkitError>
    where
        S: Service<R, Response = ServiceResponse<B>, Error = Error>,
        B: MessageBody,
    {
        self.run(async |visit| {
            let answer = match app.call(request(&visit)).await {
                Ok(answer) => answer,
                Err(error) => return Answer(error.to_string()),
            };
            let (request, response) = answer.into_parts();
            // With the request dropped, as it is before a body is sent.
            drop(request);
            let mut text = format!("{} {:?} ", response.status(), response.headers());
            match to_bytes(response.into_body()).await {
                Ok(body) => text.push_str(&String::from_utf8_lossy(&body)),
                Err(error) => text.push_str(&error.into().to_string()),
            }
            Answer(text)
        })
        .await
    }
}
