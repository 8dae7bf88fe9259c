//! Into a store whose table is not there: whatever asks it is told of an outage, so what is told
//! anything else did not ask.

use actix_web::{
    App, HttpResponse,
    dev::Service as _,
    http::header::HeaderValue,
    test::{TestRequest, init_service},
    web,
};
use sea_orm_tenant::{
    DatabaseStore, Tenancy, UrlKeys,
    actix::{TenantMiddleware, strategy::Subdomain},
};

use super::{is_id, names};
use crate::support::{World, on_every_database};

on_every_database!(no_statement_is_made_of_a_name_that_is_none);

async fn no_statement_is_made_of_a_name_that_is_none(world: &World) {
    let (database, _, recording) = world.recorded_database(&world.acme, 1).await;
    let store = DatabaseStore::new(database.clone(), UrlKeys::generate().unwrap());
    let tenancy = Tenancy::builder().store(store).build().unwrap();
    let tenants = TenantMiddleware::new(tenancy)
        .header_name("x-tenant-id")
        .strategy(Subdomain::of("books.example").unwrap());
    let ok = || async { HttpResponse::Ok().finish() };
    let app = init_service(App::new().wrap(tenants).default_service(web::to(ok))).await;
    recording.take();
    let (mut refused, mut asked) = (0, 0);
    for (number, name) in names(2_000, 20_000).enumerate() {
        let (header, value) = match number % 2 {
            0 => ("x-tenant-id", name.clone()),
            _ => ("host", format!("{name}.books.example")),
        };
        let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else {
            continue;
        };
        let request = TestRequest::get()
            .insert_header((header, value))
            .to_request();
        let status = app.call(request).await.unwrap().status().as_u16();
        let is_known = match number % 2 {
            0 => is_id(&name),
            _ => is_id(&name.to_ascii_lowercase()),
        };
        let statements = recording.take();
        if is_known {
            assert_eq!(status, 503, "{name:?}");
            assert_eq!(statements.len(), 1, "{name:?}");
            // And then it is a parameter.
            assert!(
                !statements[0].contains(&name) || name.len() < 4,
                "{}",
                statements[0]
            );
            asked += 1;
        } else {
            assert_eq!(status, 400, "{name:?}");
            assert!(statements.is_empty(), "{name:?}: {statements:?}");
            refused += 1;
        }
    }
    database.close().await.unwrap();
    assert!(refused > 500 && asked > 50, "{refused} and {asked}");
    figures::figure("names-tried", refused + asked);
}
