//! About the service, and about the library that asks.

use actix_web::web::Json;
use sea_orm_tenant::actix::CurrentTenant;
use serde::Serialize;

#[derive(Serialize)]
pub struct Health {
    status: &'static str,
}

/// For whoever watches the process. Excluded from tenancy: it asks neither store nor database.
pub async fn health() -> Json<Health> {
    Json(Health { status: "up" })
}

#[derive(Serialize)]
pub struct Me {
    id: String,
    name: String,
    plan: Option<String>,
}

/// Which library this is.
pub async fn me(tenant: CurrentTenant) -> Json<Me> {
    Json(Me {
        id: tenant.id.to_string(),
        name: tenant.name.clone(),
        plan: tenant.plan.clone(),
    })
}
