use actix_web::guard::{Guard, fn_guard};
use tenant_core::TenantInfo;

use crate::admission::Admission;

/// Guards for routes that only some tenants have. For the others there is no such route.
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
/// A request without a tenant passes none of them, and so passes `guard::Not` of them.
///
/// Guard routes of the application (`App::route`, `ServiceConfig::route`) or whole resources: where
/// only a route inside of a `web::resource` is guarded, actix answers 405 and not 404. What the
/// middleware itself wraps cannot be guarded so: guards are asked before.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TenantGuard;

impl TenantGuard {
    /// Lets tenants of that plan pass.
    pub fn plan(plan: impl Into<String>) -> impl Guard {
        let plan = plan.into();
        Self::when(move |tenant| tenant.plan.as_deref() == Some(&plan))
    }

    /// Lets tenants pass of whom the closure says so.
    pub fn when(passes: impl Fn(&TenantInfo) -> bool + 'static) -> impl Guard {
        fn_guard(move |context| {
            Admission::find(&context.req_data())
                .and_then(Admission::current_tenant)
                .is_some_and(|tenant| passes(tenant))
        })
    }
}
