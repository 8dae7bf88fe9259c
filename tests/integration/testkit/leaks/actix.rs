use std::{collections::HashMap, sync::Mutex};

use actix_web::{
    App, HttpResponse,
    test::{TestRequest, init_service},
    web::{self, Data, Path},
};
use sea_orm::EntityTrait as _;
use sea_orm_tenant::actix::{TenantDb, TenantMiddleware, TenantProblem};
use tenant_testkit::Visit;

use super::{a_tenants, check, has_row_of};
use crate::support::{Server, entities::author};

type Names = Mutex<HashMap<i32, String>>;

async fn all(db: TenantDb) -> Result<HttpResponse, TenantProblem> {
    // A wait at which it can be given up, however fast the database answers.
    tokio::task::yield_now().await;
    let authors = author::Entity::find().all(&*db).await?;
    Ok(HttpResponse::Ok().body(format!("{authors:?}")))
}

/// Remembers names by the row's id, which each tenant has.
async fn one(id: Path<i32>, names: Data<Names>, db: TenantDb) -> Result<String, TenantProblem> {
    let id = id.into_inner();
    if let Some(name) = names.lock().unwrap().get(&id) {
        return Ok(name.clone());
    }
    let author = author::Entity::find_by_id(id).one(&*db).await?;
    let name = author.map(|author| author.name).unwrap_or_default();
    names.lock().unwrap().insert(id, name.clone());
    Ok(name)
}

macro_rules! app {
    ($check:ident) => {
        init_service(
            App::new()
                .wrap(TenantMiddleware::new($check.tenancy().clone()).header_name("X-Tenant-ID"))
                .app_data(Data::new(Names::default()))
                .route("/authors", web::get().to(all))
                .route("/authors/{id}", web::get().to(one)),
        )
        .await
    };
}

fn get(visit: &Visit, path: &str) -> TestRequest {
    TestRequest::get()
        .uri(path)
        .insert_header(("X-Tenant-ID", visit.tenant().as_str()))
}

#[actix_web::test]
async fn an_application_behind_the_middleware_is_clean() {
    let mut check = check(Server::Postgres).await;
    let app = app!(check);
    let report = check
        .run_app(&app, |visit| get(visit, "/authors").to_request())
        .await
        .unwrap();
    report.assert_none();
    assert!(report.interrupted() > 3, "{report}");
}

#[actix_web::test]
async fn a_cache_in_a_handler_is_found() {
    let mut check = check(Server::Postgres).await;
    let app = app!(check);
    let report = check
        .run_app(&app, |visit| {
            let id = visit.mark().common_ids()[0];
            get(visit, &format!("/authors/{id}")).to_request()
        })
        .await
        .unwrap();
    assert!(has_row_of(&report, a_tenants), "{report}");
}
