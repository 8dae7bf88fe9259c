use std::{rc::Rc, sync::Arc};

use actix_web::{HttpMessage as _, HttpRequest, dev::Extensions, web};
use tenant_core::{Tenancy, TenantConnection, TenantContext, TenantError, TenantInfo};

use crate::{
    TenantProblem,
    middleware::Settings,
    transaction::{OpenTransaction, TransactionSlot},
};

/// What the middleware found out about a request, kept with it for extractors and guards.
#[derive(Clone)]
pub(crate) struct Admission {
    settings: Rc<Settings>,
    tenant: Option<Arc<TenantInfo>>,
    transaction: Rc<TransactionSlot>,
}

impl Admission {
    /// Of a tenant, or of an excluded path.
    pub(crate) fn new(settings: Rc<Settings>, tenant: Option<Arc<TenantInfo>>) -> Self {
        Self {
            settings,
            tenant,
            transaction: Rc::default(),
        }
    }

    /// What the middleware left with a request.
    pub(crate) fn find(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    pub(crate) fn tenant(&self) -> Option<&Arc<TenantInfo>> {
        self.tenant.as_ref()
    }

    pub(crate) fn transaction(&self) -> &Rc<TransactionSlot> {
        &self.transaction
    }

    /// The tenant that is current, if it is still the one that the middleware admitted: somebody
    /// inside may have opened another scope.
    pub(crate) fn current_tenant(&self) -> Option<&Arc<TenantInfo>> {
        let current = TenantContext::try_current()?;
        self.tenant.as_ref().filter(|info| info.id == current)
    }
}

/// Where extractors have the current tenant's things from. Made where they are polled, and not where
/// they are called: the scope may be another one there.
pub(crate) enum Access {
    /// The middleware admitted the tenant, and looked at its status.
    Admitted {
        tenant: Arc<TenantInfo>,
        tenancy: Tenancy,
        transaction: Rc<TransactionSlot>,
    },
    /// Nobody did, or another one is current now: it is looked up anew.
    LookUp(Tenancy),
}

impl Access {
    /// # Errors
    ///
    /// [`TenantProblem::NoMiddleware`].
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, TenantProblem> {
        if let Some(admission) = Admission::find(&request.extensions()) {
            return Ok(match admission.current_tenant() {
                Some(tenant) => Self::Admitted {
                    tenant: Arc::clone(tenant),
                    tenancy: admission.settings.tenancy.clone(),
                    transaction: Rc::clone(&admission.transaction),
                },
                None => Self::LookUp(admission.settings.tenancy.clone()),
            });
        }
        match request.app_data::<web::Data<Tenancy>>() {
            Some(tenancy) => Ok(Self::LookUp(Tenancy::clone(tenancy))),
            None => Err(TenantProblem::NoMiddleware),
        }
    }

    /// A connection of the current tenant.
    pub(crate) async fn connection(&self) -> Result<TenantConnection, TenantProblem> {
        Ok(match self {
            Self::Admitted {
                tenant, tenancy, ..
            } => tenancy.for_admitted(tenant).await?,
            Self::LookUp(tenancy) => tenancy.for_tenant(&TenantContext::current()?).await?,
        })
    }

    /// What is known about the current tenant.
    pub(crate) async fn info(self) -> Result<Arc<TenantInfo>, TenantProblem> {
        match self {
            Self::Admitted { tenant, .. } => Ok(tenant),
            Self::LookUp(tenancy) => Ok(tenancy.served(&TenantContext::current()?).await?),
        }
    }

    /// The request's transaction.
    pub(crate) async fn transaction(&self) -> Result<OpenTransaction, TenantProblem> {
        match self {
            Self::Admitted {
                tenant,
                tenancy,
                transaction,
            } => transaction.begin(tenancy, tenant).await,
            Self::LookUp(_) if TenantContext::try_current().is_none() => {
                Err(TenantError::NoTenant.into())
            }
            Self::LookUp(_) => Err(TenantProblem::NobodyEndsTransaction),
        }
    }
}
