use std::{rc::Rc, sync::Arc};

use actix_web::{HttpRequest, dev::Extensions, web};
use futures_util::lock::Mutex;
use sea_orm::{DbErr, TransactionTrait as _};
use tenant_core::{
    SourceTransaction, Tenancy, TenantConnection, TenantContext, TenantError, TenantInfo,
};

use crate::TenantProblem;

/// A transaction that a handler works in and the middleware ends.
pub(crate) type OpenTransaction = Arc<TenantConnection<SourceTransaction>>;

/// What the middleware found out about a request, kept with it for extractors and guards.
pub(crate) struct Admission {
    tenancy: Tenancy,
    tenant: Option<Arc<TenantInfo>>,
    /// A lock that is held while it begins: extractors of one handler run at the same time.
    transaction: Mutex<Option<OpenTransaction>>,
}

impl Admission {
    pub(crate) fn of(tenancy: Tenancy, tenant: Arc<TenantInfo>) -> Self {
        Self {
            tenancy,
            tenant: Some(tenant),
            transaction: Mutex::default(),
        }
    }

    /// Of an excluded path.
    pub(crate) fn without_tenant(tenancy: Tenancy) -> Self {
        Self {
            tenancy,
            tenant: None,
            transaction: Mutex::default(),
        }
    }

    pub(crate) fn tenant(&self) -> Option<&Arc<TenantInfo>> {
        self.tenant.as_ref()
    }

    /// The tenant that is current, if it is still the one that the middleware admitted: somebody
    /// inside may have opened another scope.
    pub(crate) fn current_tenant(&self) -> Option<&Arc<TenantInfo>> {
        let current = TenantContext::try_current()?;
        self.tenant.as_ref().filter(|info| info.id == current)
    }

    /// The request's one transaction, which the middleware ends.
    pub(crate) async fn transaction(&self) -> Result<OpenTransaction, TenantProblem> {
        let mut transaction = self.transaction.lock().await;
        if let Some(begun) = &*transaction {
            return Ok(Arc::clone(begun));
        }
        let db = self.connection().await?;
        let begun = Arc::new(db.begin().await.map_err(TenantError::from)?);
        *transaction = Some(Arc::clone(&begun));
        Ok(begun)
    }

    /// A connection of the tenant that was admitted, whose status was looked at then.
    async fn connection(&self) -> Result<TenantConnection, TenantProblem> {
        let current = TenantContext::current()?;
        Ok(self.tenancy.for_tenant_in_any_status(&current).await?)
    }

    /// Commits what was done well, rolls back what was not.
    pub(crate) async fn end_transaction(&self, good: bool) -> Result<(), TenantProblem> {
        let Some(transaction) = self.transaction.lock().await.take() else {
            return Ok(());
        };
        match (Arc::try_unwrap(transaction), good) {
            (Ok(transaction), true) => Ok(transaction.commit().await.map_err(TenantError::from)?),
            (Ok(transaction), false) => {
                roll_back(transaction).await;
                Ok(())
            }
            // Whoever holds it goes on in it, and rolls it back in the end.
            (Err(_held), true) => Err(TenantProblem::TransactionHeld),
            (Err(_held), false) => Ok(()),
        }
    }
}

/// Nothing is lost when it fails: what is not committed is not there.
async fn roll_back(transaction: TenantConnection<SourceTransaction>) {
    if let Err(error) = transaction.rollback().await {
        tracing::warn!(%error, "a transaction was not rolled back cleanly");
    }
}

/// What the middleware left with a request.
pub(crate) fn admission(extensions: &Extensions) -> Option<&Rc<Admission>> {
    extensions.get()
}

/// Where extractors have the current tenant's things from.
pub(crate) enum Access {
    /// The middleware admitted the tenant.
    Admitted(Rc<Admission>),
    /// Nobody did, or another one is current now: it is looked up anew.
    LookUp(Tenancy),
}

impl Access {
    /// # Errors
    ///
    /// [`TenantProblem::NoMiddleware`].
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, TenantProblem> {
        use actix_web::HttpMessage as _;
        if let Some(admission) = admission(&request.extensions()) {
            return Ok(match admission.current_tenant() {
                Some(_) => Self::Admitted(Rc::clone(admission)),
                None => Self::LookUp(admission.tenancy.clone()),
            });
        }
        match request.app_data::<web::Data<Tenancy>>() {
            Some(tenancy) => Ok(Self::LookUp(Tenancy::clone(tenancy))),
            None => Err(TenantProblem::NoMiddleware),
        }
    }

    /// A connection of the current tenant.
    pub(crate) async fn connection(&self) -> Result<TenantConnection, TenantProblem> {
        match self {
            Self::Admitted(admission) => admission.connection().await,
            Self::LookUp(tenancy) => Ok(tenancy.for_tenant(&TenantContext::current()?).await?),
        }
    }

    /// What is known about the current tenant.
    pub(crate) async fn info(&self) -> Result<Arc<TenantInfo>, TenantProblem> {
        match self {
            Self::Admitted(admission) => match admission.current_tenant() {
                Some(info) => Ok(Arc::clone(info)),
                None => Err(TenantError::NoTenant.into()),
            },
            Self::LookUp(tenancy) => Ok(tenancy.served(&TenantContext::current()?).await?),
        }
    }
}

/// For `?` on what a driver says.
impl From<DbErr> for TenantProblem {
    fn from(error: DbErr) -> Self {
        TenantError::from(error).into()
    }
}
