use std::{fmt, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderValue},
};

use crate::{TenantProblem, kind::Kind, problem::DEFAULT_RETRY_AFTER};

type OnProblem = dyn Fn(&TenantProblem, &HttpRequest) -> Option<HttpResponse> + Send + Sync;

/// How an application wants its problems answered.
#[derive(Clone)]
pub(crate) struct Answers {
    pub(crate) hide_existence: bool,
    pub(crate) retry_after: Duration,
    pub(crate) on_problem: Option<Arc<OnProblem>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            hide_existence: false,
            retry_after: DEFAULT_RETRY_AFTER,
            on_problem: None,
        }
    }
}

impl Answers {
    /// The answer to a problem that nobody has answered yet.
    pub(crate) fn refuse(&self, problem: &TenantProblem, request: &HttpRequest) -> HttpResponse {
        problem.log();
        self.answer(problem, request)
    }

    /// The answer to a problem that is in the log already.
    pub(crate) fn answer(&self, problem: &TenantProblem, request: &HttpRequest) -> HttpResponse {
        let own = self
            .on_problem
            .as_ref()
            .and_then(|answer| answer(problem, request));
        if let Some(mut own) = own {
            // As the usual answers are not stored: a problem of today is none of tomorrow.
            if !own.headers().contains_key(CACHE_CONTROL) {
                let no_store = HeaderValue::from_static("no-store");
                own.headers_mut().insert(CACHE_CONTROL, no_store);
            }
            return own;
        }
        let kind = if self.hide_existence && problem.tells_existence() {
            Kind::UNKNOWN
        } else {
            problem.kind()
        };
        kind.respond(self.retry_after)
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers")
            .field("hide_existence", &self.hide_existence)
            .field("retry_after", &self.retry_after)
            .field("on_problem", &self.on_problem.is_some())
            .finish()
    }
}
