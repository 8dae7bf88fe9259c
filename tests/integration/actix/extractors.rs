//! Handlers get their own tenant's connection and info.

use std::{sync::Arc, time::Duration};

use actix_web::{App, FromRequest as _, HttpRequest, HttpResponse, test, web};
use sea_orm::{EntityTrait as _, StreamTrait, TransactionTrait as _};
use sea_orm_tenant::{
    TenantContext, TenantLimits, TenantStatus,
    actix::{CurrentTenant, TenantDb, TenantMiddleware, TenantProblem, TenantTransaction},
};

use super::{get, of, send, tenancy};
use crate::{
    isolation::rows::{add, names},
    support::{World, entities::author, on_every_database},
};

on_every_database!(
    a_handler_reads_and_writes_its_own_tenants_rows,
    a_connection_does_all_that_seaorm_asks_of_one,
    an_extractor_follows_a_scope_inside_the_request,
    an_extractor_is_of_the_scope_that_it_is_polled_in,
    extractors_work_without_an_application,
    optional_extractors_are_there_for_a_tenant,
    a_tenant_that_is_suspended_meanwhile_ends_what_it_began,
    a_tenants_limits_hold_in_a_request,
);

fn of_acme(world: &World) -> test::TestRequest {
    of(world.acme.as_str())
}

async fn a_handler_reads_and_writes_its_own_tenants_rows(world: &World) {
    async fn post(db: TenantDb, name: String) -> Result<HttpResponse, TenantProblem> {
        add(&db, &name).await?;
        Ok(HttpResponse::Created().finish())
    }
    async fn list(db: TenantDb) -> Result<web::Json<Vec<String>>, TenantProblem> {
        Ok(web::Json(names(&db).await?))
    }
    let app = test::init_service(
        App::new()
            .wrap(TenantMiddleware::new(world.tenancy.clone()))
            .route("/", web::post().to(post))
            .route("/", web::get().to(list)),
    )
    .await;
    for (tenant, name) in [(&world.acme, "Verne"), (&world.globex, "Shelley")] {
        let request = test::TestRequest::post()
            .insert_header(("x-tenant-id", tenant.as_str()))
            .set_payload(name);
        assert_eq!(
            test::call_service(&app, request.to_request())
                .await
                .status(),
            201
        );
    }
    for (tenant, name) in [(&world.acme, "Verne"), (&world.globex, "Shelley")] {
        let request = of(tenant.as_str()).to_request();
        let found: Vec<String> = test::call_and_read_body_json(&app, request).await;
        assert_eq!(found, [name]);
    }
}

async fn a_connection_does_all_that_seaorm_asks_of_one(world: &World) {
    use futures_util::TryStreamExt as _;
    async fn all(db: TenantDb) -> Result<String, TenantProblem> {
        let transaction = db.begin().await?;
        add(&transaction, "rolled back").await?;
        transaction.rollback().await?;
        let added = db.transaction(|tx| Box::pin(async move { add(tx, "kept").await }));
        added.await.map_err(|error| match error {
            sea_orm::TransactionError::Connection(error)
            | sea_orm::TransactionError::Transaction(error) => error,
        })?;
        let streamed: Vec<author::Model> = author::Entity::find()
            .stream(&db)
            .await?
            .try_collect()
            .await?;
        let raw = sea_orm::Statement::from_string(
            StreamTrait::get_database_backend(&db),
            "SELECT name FROM $tenant.author",
        );
        let raw: Vec<_> = db.stream_raw(raw).await?.try_collect().await?;
        let clone = db.clone();
        let counted = names(&clone).await?.len();
        Ok(format!(
            "{} {} {counted} {}",
            streamed[0].name,
            raw.len(),
            db.schema()
        ))
    }
    let tenants = TenantMiddleware::new(world.tenancy.clone());
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(all));
    };
    let answer = send(tenants, routes, of_acme(world)).await;
    let schema = world.acme().await.schema().to_string();
    assert_eq!(answer.text(), format!("kept 1 1 {schema}"));
}

/// The scope is the truth, and not what the middleware once found.
async fn an_extractor_follows_a_scope_inside_the_request(world: &World) {
    add(&world.globex().await, "Shelley").await.unwrap();
    let globex = world.globex.clone();
    let handler = move |request: actix_web::HttpRequest| {
        let globex = globex.clone();
        async move {
            let inside = TenantContext::scope(&globex, async {
                let db = TenantDb::extract(&request).await?;
                let tenant = CurrentTenant::extract(&request).await?;
                Ok::<_, TenantProblem>(format!("{} {:?}", tenant.id, names(&db).await?))
            })
            .await?;
            let nobody = TenantContext::without(TenantDb::extract(&request)).await;
            let is_refused = matches!(nobody, Err(TenantProblem::Tenant(_)));
            let own = TenantDb::extract(&request).await?;
            Ok::<_, TenantProblem>(format!("{inside} {is_refused} {}", own.tenant()))
        }
    };
    let tenants = TenantMiddleware::new(world.tenancy.clone());
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(handler));
    };
    let answer = send(tenants, routes, of_acme(world)).await;
    let expected = format!("{} [\"Shelley\"] true {}", world.globex, world.acme);
    assert_eq!(answer.text(), expected);
}

/// Called for one tenant and polled for another: where it is polled counts, and is looked at.
async fn an_extractor_is_of_the_scope_that_it_is_polled_in(world: &World) {
    add(&world.acme().await, "Verne").await.unwrap();
    world
        .store
        .set_status(&world.globex, TenantStatus::Suspended)
        .unwrap();
    let globex = world.globex.clone();
    let handler = move |request: actix_web::HttpRequest, own: TenantTransaction| {
        let globex = globex.clone();
        async move {
            let suspended = |problem: TenantProblem| {
                matches!(
                    problem,
                    TenantProblem::Tenant(sea_orm_tenant::TenantError::Suspended { .. })
                )
            };
            let db = TenantContext::scope(&globex, TenantDb::extract(&request)).await;
            assert!(suspended(db.unwrap_err()));
            let info = TenantContext::scope(&globex, CurrentTenant::extract(&request)).await;
            assert!(suspended(info.unwrap_err()));
            let theirs = TenantTransaction::extract(&request);
            let theirs = TenantContext::scope(&globex, theirs).await;
            assert!(matches!(theirs, Err(TenantProblem::NobodyEndsTransaction)));
            let called_there = TenantContext::sync_scope(&globex, || TenantDb::extract(&request));
            assert_eq!(names(&called_there.await?).await?, ["Verne"]);
            Ok::<_, TenantProblem>(own.tenant().to_string())
        }
    };
    let tenants = TenantMiddleware::new(world.tenancy.clone());
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(handler));
    };
    let answer = send(tenants, routes, of_acme(world)).await;
    assert_eq!(answer.text(), world.acme.as_str());
    world
        .store
        .set_status(&world.globex, TenantStatus::Active)
        .unwrap();
}

async fn extractors_work_without_an_application(world: &World) {
    let request = get("/").app_data(web::Data::new(world.tenancy.clone()));
    let request = request.to_http_request();
    TenantContext::scope(&world.acme, async {
        let db = TenantDb::extract(&request).await.unwrap();
        assert_eq!(db.tenant(), &world.acme);
        assert!(names(&db).await.unwrap().is_empty());
        let tenant = CurrentTenant::extract(&request).await.unwrap();
        assert_eq!(tenant.id, world.acme);
        // Nobody would end it.
        let transaction = TenantTransaction::extract(&request).await;
        assert!(matches!(
            transaction,
            Err(TenantProblem::NobodyEndsTransaction)
        ));
    })
    .await;
    let nobody = TenantDb::extract(&request).await.unwrap_err();
    assert_eq!(
        nobody.to_string(),
        sea_orm_tenant::TenantError::NoTenant.to_string()
    );
}

async fn optional_extractors_are_there_for_a_tenant(world: &World) {
    async fn maybe(tenant: Option<CurrentTenant>, db: Option<TenantDb>) -> String {
        let (tenant, db) = (tenant.unwrap(), db.unwrap());
        format!("{} {}", tenant.id, db.tenant())
    }
    let tenants = TenantMiddleware::new(world.tenancy.clone());
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(maybe));
    };
    let answer = send(tenants, routes, of_acme(world)).await;
    assert_eq!(answer.text(), format!("{0} {0}", world.acme));
}

/// It was served when the request came. The next one is refused.
async fn a_tenant_that_is_suspended_meanwhile_ends_what_it_began(world: &World) {
    let (store, acme) = (Arc::clone(&world.store), world.acme.clone());
    let handler = move |request: actix_web::HttpRequest| {
        store.set_status(&acme, TenantStatus::Suspended).unwrap();
        async move {
            let db = TenantDb::extract(&request).await?;
            Ok::<_, TenantProblem>(names(&db).await?.len().to_string())
        }
    };
    let tenants = TenantMiddleware::new(world.tenancy.clone());
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(handler));
    };
    let answer = send(tenants.clone(), routes.clone(), of_acme(world)).await;
    assert_eq!(answer.text(), "0");
    let answer = send(tenants, routes, of_acme(world)).await;
    assert_eq!(answer.problem(), (403, "tenant-suspended".into()));
    world
        .store
        .set_status(&world.acme, TenantStatus::Active)
        .unwrap();
}

#[tokio::test]
async fn the_info_is_the_stores() {
    async fn info(tenant: CurrentTenant) -> String {
        let (id, name) = (tenant.id.clone(), tenant.name.clone());
        format!("{id} {name} {:?}", tenant.into_inner().plan)
    }
    let routes = |config: &mut web::ServiceConfig| {
        config.default_service(web::to(info));
    };
    let answer = send(TenantMiddleware::new(tenancy()), routes, of("acme")).await;
    assert_eq!(answer.text(), "acme Acme Inc. Some(\"pro\")");
}

#[tokio::test]
async fn without_a_tenancy_an_extractor_says_what_is_missing() {
    let app = test::init_service(App::new().route(
        "/",
        web::get().to(|_: TenantDb| async { HttpResponse::Ok().finish() }),
    ))
    .await;
    let response = test::call_service(&app, get("/").to_request()).await;
    assert_eq!(response.status(), 500);
    let problem: &TenantProblem = response.response().error().unwrap().as_error().unwrap();
    assert!(
        problem
            .to_string()
            .contains("wrap the application in TenantMiddleware")
    );
}

async fn a_tenants_limits_hold_in_a_request(world: &World) {
    async fn beside(db: TenantDb) -> Result<HttpResponse, TenantProblem> {
        let _transaction = db.begin().await?;
        names(&db).await?;
        Ok(HttpResponse::Ok().finish())
    }
    async fn its_own_beside(request: HttpRequest, db: TenantDb) -> actix_web::Result<HttpResponse> {
        let _transaction = db.begin().await.map_err(TenantProblem::from)?;
        TenantTransaction::extract(&request).await?;
        Ok(HttpResponse::Ok().finish())
    }
    let builder = world
        .tenancy()
        .max_connections(4)
        .acquire_timeout(Duration::from_millis(300));
    let free = builder.limits(|_| TenantLimits::default().connections(1));
    let tenancy = free.build().unwrap();
    let routes = |config: &mut web::ServiceConfig| {
        config
            .route("/beside", web::get().to(beside))
            .route("/its-own", web::get().to(its_own_beside));
    };
    for path in ["/beside", "/its-own"] {
        let tenants = TenantMiddleware::new(tenancy.clone());
        let request = of_acme(world).uri(path);
        let answer = send(tenants, routes, request).await;
        assert_eq!(answer.problem(), (503, "busy".into()), "{path}");
    }
    tenancy.close().await;
}
