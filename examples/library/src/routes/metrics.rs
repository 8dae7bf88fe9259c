//! For Prometheus. It names tenants, so let only the network of the operators reach it.

use std::io;

use actix_web::{HttpResponse, error::ErrorInternalServerError, web};
use prometheus_client::{encoding::text::encode, registry::Registry};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub async fn show(registry: web::Data<Registry>) -> actix_web::Result<HttpResponse> {
    let mut text = String::new();
    encode(&mut text, &registry)
        .map_err(|error| ErrorInternalServerError(io::Error::other(error)))?;
    Ok(HttpResponse::Ok().content_type(OPENMETRICS).body(text))
}
