use std::{fmt, sync::Arc};

use actix_web::{
    dev::ServiceRequest,
    http::header::{HeaderName, HeaderValue},
};
use tenant_core::TenantId;
use tracing::{Span, level_filters::LevelFilter};

use super::{Header, Identification, Identified, TenantStrategy};
use crate::{TenantProblem, TenantRequest};

/// The strategies of a middleware, in their order.
#[derive(Clone, Default)]
pub(crate) struct Strategies {
    chain: Vec<Arc<dyn TenantStrategy>>,
    agree: bool,
}

/// A tenant, and which strategies found it, by their places in the chain.
pub(crate) struct Named {
    pub(crate) tenant: TenantId,
    first: usize,
    /// Where they have to agree.
    others: Vec<usize>,
}

/// How far a chain got with a request.
#[derive(Default)]
pub(crate) struct Progress {
    next: usize,
    named: Option<Named>,
}

impl Strategies {
    pub(crate) fn push(&mut self, strategy: Arc<dyn TenantStrategy>) {
        self.chain.push(strategy);
    }

    /// What serves: the header `X-Tenant-ID`, where nobody said otherwise.
    pub(crate) fn or_header(mut self) -> Self {
        if self.chain.is_empty() {
            self.push(Arc::new(Header::default()));
        }
        self
    }

    pub(crate) fn require_agreement(&mut self) {
        self.agree = true;
    }

    /// Goes as far as it can without waiting. `None` where somebody has to be asked.
    pub(crate) fn advance(
        &self,
        request: &TenantRequest<'_>,
        progress: &mut Progress,
    ) -> Option<Result<Named, TenantProblem>> {
        while let Some(strategy) = self.chain.get(progress.next) {
            let Identification::Now(identified) = strategy.identify(request) else {
                return None;
            };
            match self.note(progress, identified) {
                Ok(true) => break,
                Ok(false) => {}
                Err(problem) => return Some(Err(problem)),
            }
        }
        Some(progress.named.take().ok_or(TenantProblem::Missing))
    }

    /// Goes to the end, from where it stopped.
    pub(crate) async fn finish(
        &self,
        request: &TenantRequest<'_>,
        mut progress: Progress,
    ) -> Result<Named, TenantProblem> {
        while let Some(strategy) = self.chain.get(progress.next) {
            let identified = match strategy.identify(request) {
                Identification::Now(identified) => identified,
                Identification::Later(identified) => identified.await,
            };
            if self.note(&mut progress, identified)? {
                break;
            }
        }
        progress.named.ok_or(TenantProblem::Missing)
    }

    /// Takes down what the next strategy found. Whether that decides.
    fn note(&self, progress: &mut Progress, identified: Identified) -> Result<bool, TenantProblem> {
        let place = progress.next;
        progress.next += 1;
        let Some(tenant) = identified? else {
            return Ok(false);
        };
        match &mut progress.named {
            None => {
                if LevelFilter::current() != LevelFilter::OFF {
                    Span::current().record("tenant.strategy", self.chain[place].name());
                }
                progress.named = Some(Named {
                    tenant,
                    first: place,
                    others: Vec::new(),
                });
            }
            Some(named) if named.tenant == tenant => named.others.push(place),
            Some(named) => {
                return Err(TenantProblem::Disagreement {
                    one: self.chain[named.first].name(),
                    other: self.chain[place].name(),
                });
            }
        }
        Ok(!self.agree)
    }

    /// What `Vary` says of answers that depend on the tenant.
    pub(crate) fn vary(&self) -> Option<HeaderValue> {
        let mut names = Vec::new();
        for name in self.chain.iter().flat_map(|strategy| strategy.varies_by()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let names: Vec<_> = names.iter().map(HeaderName::as_str).collect();
        // Names of headers can be values of headers.
        HeaderValue::from_str(&names.join(", "))
            .ok()
            .filter(|value| !value.is_empty())
    }

    /// Lets those that found the tenant change the request.
    pub(crate) fn consume(&self, named: &Named, request: &mut ServiceRequest) {
        for place in std::iter::once(&named.first).chain(&named.others) {
            self.chain[*place].consume(request);
        }
    }
}

impl fmt::Debug for Strategies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strategies")
            .field(
                "chain",
                &self.chain.iter().map(|s| s.name()).collect::<Vec<_>>(),
            )
            .field("agree", &self.agree)
            .finish_non_exhaustive()
    }
}
