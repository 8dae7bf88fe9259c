use std::{fmt, sync::Arc};

use actix_web::dev::ServiceRequest;
use tenant_core::TenantId;
use tracing::Span;

use super::{Header, Identification, Identified, TenantStrategy};
use crate::{TenantProblem, TenantRequest};

/// The strategies of a middleware, in their order.
#[derive(Clone, Default)]
pub(crate) struct Strategies {
    chain: Vec<Arc<dyn TenantStrategy>>,
    /// Serves while the chain is empty.
    default: Header,
    agree: bool,
}

/// A tenant, and which strategies found it.
pub(crate) struct Named {
    pub(crate) tenant: TenantId,
    /// By their places in the chain. More than one only where they have to agree.
    by: Vec<usize>,
}

impl Strategies {
    pub(crate) fn push(&mut self, strategy: Arc<dyn TenantStrategy>) {
        self.chain.push(strategy);
    }

    pub(crate) fn require_agreement(&mut self) {
        self.agree = true;
    }

    pub(crate) async fn identify(
        &self,
        request: &TenantRequest<'_>,
    ) -> Result<Named, TenantProblem> {
        if self.chain.is_empty() {
            let tenant = found(&self.default, request).await?;
            return Ok(Named {
                tenant: tenant.ok_or(TenantProblem::Missing)?,
                by: Vec::new(),
            });
        }
        let mut named: Option<Named> = None;
        for (place, strategy) in self.chain.iter().enumerate() {
            let Some(tenant) = found(&**strategy, request).await? else {
                continue;
            };
            match &mut named {
                None => {
                    named = Some(Named {
                        tenant,
                        by: vec![place],
                    });
                }
                Some(named) if named.tenant == tenant => named.by.push(place),
                Some(named) => {
                    return Err(TenantProblem::Disagreement {
                        one: named
                            .by
                            .first()
                            .map_or("", |first| self.chain[*first].name()),
                        other: strategy.name(),
                    });
                }
            }
            if !self.agree {
                break;
            }
        }
        named.ok_or(TenantProblem::Missing)
    }

    /// Lets those that found the tenant change the request.
    pub(crate) fn consume(&self, named: &Named, request: &mut ServiceRequest) {
        for place in &named.by {
            self.chain[*place].consume(request);
        }
    }
}

async fn found(strategy: &dyn TenantStrategy, request: &TenantRequest<'_>) -> Identified {
    let identified = match strategy.identify(request) {
        Identification::Now(identified) => identified,
        Identification::Later(identified) => identified.await,
    };
    if let Ok(Some(_)) = &identified {
        Span::current().record("tenant.strategy", strategy.name());
    }
    identified
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
