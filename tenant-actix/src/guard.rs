use std::fmt;

use actix_web::guard::{Guard, GuardContext};
use tenant_core::TenantInfo;

use crate::admission::Admission;

/// A guard for routes that only some tenants have. For the others there is no such route.
///
/// ```
/// # use actix_web::{HttpResponse, web};
/// # use tenant_actix::TenantGuard;
/// # async fn report() -> HttpResponse { HttpResponse::Ok().finish() }
/// # fn example(config: &mut web::ServiceConfig) {
/// config.route("/report", web::get().guard(TenantGuard::plan("pro")).to(report));
/// # }
/// ```
///
/// A request without a tenant passes none, and so passes `guard::Not` of each.
///
/// Guard routes of the application (`App::route`, `ServiceConfig::route`) or whole resources: where
/// only a route inside of a `web::resource` is guarded, actix answers 405 and not 404. What the
/// middleware itself wraps cannot be guarded so: guards are asked before.
pub struct TenantGuard(Box<dyn Fn(&TenantInfo) -> bool>);

impl TenantGuard {
    /// Lets tenants of that plan pass.
    #[must_use]
    pub fn plan(plan: impl Into<String>) -> Self {
        let plan = plan.into();
        Self::when(move |tenant| tenant.plan.as_deref() == Some(&plan))
    }

    /// Lets tenants pass of whom the closure says so.
    #[must_use]
    pub fn when(passes: impl Fn(&TenantInfo) -> bool + 'static) -> Self {
        Self(Box::new(passes))
    }
}

impl Guard for TenantGuard {
    fn check(&self, context: &GuardContext<'_>) -> bool {
        Admission::find(&context.req_data())
            .and_then(Admission::current_tenant)
            .is_some_and(|tenant| (self.0)(tenant))
    }
}

impl fmt::Debug for TenantGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantGuard").finish_non_exhaustive()
    }
}
