//! Tenants: what is served (here), what is sent and received (`wire`), where they are put (`place`).

mod place;
mod wire;

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETAG, EntityTag, Header as _, IfNoneMatch, LOCATION},
    },
    patch, post, web,
};
use tenant_core::{
    NewTenant, Placement, Revision, TenantId, TenantInfo, TenantQuery, TenantRecord, TenantStatus,
    TenantStore as _, TenantUpdate,
};

use self::wire::{Change, Connection, Creation, Listing, Page, Tenant};
use super::request::{Expected, InPath};
use crate::{
    auth::{Admin, Permitted, ReadConnections, ReadTenants},
    problem::Problem,
    service::State,
};

/// Lists tenants.
///
/// Needs the scope `tenants:read`.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(Listing),
    responses(
        (status = 200, description = "Some tenants", body = Page),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/tenants")]
pub(super) async fn list(
    state: web::Data<State>,
    asked: Permitted<ReadTenants, web::Query<Listing>>,
) -> Result<HttpResponse, Problem> {
    let Listing {
        status: word,
        after,
        limit,
    } = asked.0.into_inner();
    let mut query = TenantQuery::default();
    query.status = word
        .map(|word| {
            word.parse()
                .map_err(|_| no_status(Problem::invalid_request))
        })
        .transpose()?;
    query.after = after
        .map(|id| {
            TenantId::try_from(id)
                .map_err(|error| Problem::invalid_tenant_id(StatusCode::BAD_REQUEST, &error))
        })
        .transpose()?;
    query.limit = limit;
    let page = state.store.list(&query).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-cache"))
        .json(Page {
            tenants: page.tenants.into_iter().map(Into::into).collect(),
            next: page.next,
        }))
}

/// Makes a tenant.
///
/// Needs the scope `admin`.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    request_body = Creation,
    responses(
        (status = 201, description = "The tenant", body = Tenant, headers(("ETag" = String), ("Location" = String))),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/tenants")]
pub(super) async fn create(
    state: web::Data<State>,
    asked: Permitted<Admin, web::Json<Creation>>,
) -> Result<HttpResponse, Problem> {
    let body = asked.0.into_inner();
    let id = TenantId::try_from(body.id)
        .map_err(|error| Problem::invalid_tenant_id(StatusCode::UNPROCESSABLE_ENTITY, &error))?;
    if id.as_str() == "events" {
        return Err(Problem::unprocessable(
            "no tenant can be `events`: /tenants/events is a route",
        ));
    }
    let status = match body.status.as_deref() {
        None | Some("pending") => TenantStatus::Pending,
        Some("active") => TenantStatus::Active,
        Some(_) => {
            return Err(Problem::unprocessable(
                "a tenant begins as `pending` or `active`",
            ));
        }
    };
    let connection = place::placed(body.connection, &id, state.tenant_database.as_ref())?;
    let mut info = TenantInfo::active(id).with_status(status);
    if let Some(name) = body.name {
        info.name = name;
    }
    info.plan = body.plan;
    info.metadata = body.metadata.unwrap_or_default();
    let record = state.store.create(NewTenant::new(info, connection)).await?;
    state.feed.wrote();
    let location = format!("/tenants/{}", record.info.id);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .insert_header((ETAG, etag(record.revision)))
        .json(Tenant::from(record.info)))
}

/// Reads a tenant.
///
/// Needs the scope `tenants:read`.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The tenant's id"),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: 304 where the tenant still has it"),
    ),
    responses(
        (status = 200, description = "The tenant", body = Tenant, headers(("ETag" = String))),
        (status = 304, description = "It is as it was"),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/tenants/{id}")]
pub(super) async fn read(
    request: HttpRequest,
    state: web::Data<State>,
    asked: Permitted<ReadTenants, InPath>,
) -> Result<HttpResponse, Problem> {
    let Permitted(InPath(id), _) = asked;
    let TenantRecord { info, revision, .. } = state.store.record(&id).await?;
    let tag = etag(revision);
    let unchanged = request.headers().contains_key(IfNoneMatch::name())
        && match IfNoneMatch::parse(&request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|one| one.weak_eq(&tag)),
            Err(_) => false,
        };
    let mut response = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((ETAG, tag))
        .insert_header((CACHE_CONTROL, "no-cache"));
    Ok(if unchanged {
        response.finish()
    } else {
        response.json(Tenant::from(info))
    })
}

/// Changes a tenant.
///
/// Needs the scope `admin`.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The tenant's id"),
        ("If-Match" = String, Header, description = "The ETag of the tenant as it was read, or `*`"),
    ),
    request_body = Change,
    responses(
        (status = 200, description = "The tenant", body = Tenant, headers(("ETag" = String))),
        (status = 412, description = "Somebody else changed it", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[patch("/tenants/{id}")]
pub(super) async fn update(
    state: web::Data<State>,
    asked: Permitted<Admin, (InPath, Expected, web::Json<Change>)>,
) -> Result<HttpResponse, Problem> {
    let Permitted((InPath(id), expected, body), _) = asked;
    let body = body.into_inner();
    if matches!(expected, Expected::Unsaid) {
        return Err(Problem::precondition_required());
    }
    let mut changes = TenantUpdate::default();
    changes.name = body.name;
    changes.plan = body.plan;
    changes.metadata = body.metadata;
    changes.status = body
        .status
        .map(|word| word.parse().map_err(|_| no_status(Problem::unprocessable)))
        .transpose()?;
    changes.place = body.connection.map(place::entry).transpose()?;
    let expected = revision(expected, &id, &state).await?;
    let record = state.store.update(&id, changes, expected).await?;
    state.feed.wrote();
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, etag(record.revision)))
        .json(Tenant::from(record.info)))
}

/// Removes an archived tenant; its data stays where it is.
///
/// Needs the scope `admin`.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The tenant's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the tenant as it was read"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "It is not archived", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/tenants/{id}")]
pub(super) async fn delete(
    state: web::Data<State>,
    asked: Permitted<Admin, (InPath, Expected)>,
) -> Result<HttpResponse, Problem> {
    let Permitted((InPath(id), expected), _) = asked;
    let expected = revision(expected, &id, &state).await?;
    state.store.delete(&id, expected).await?;
    state.feed.wrote();
    Ok(HttpResponse::NoContent().finish())
}

/// Reads where a tenant's data is: a secret.
///
/// Needs the scope `connections:read`.
#[utoipa::path(
    tag = "tenants",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The tenant's id")),
    responses(
        (status = 200, description = "Where it is", body = Connection),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/tenants/{id}/connection")]
pub(super) async fn read_connection(
    state: web::Data<State>,
    asked: Permitted<ReadConnections, InPath>,
) -> Result<HttpResponse, Problem> {
    let Permitted(InPath(id), _) = asked;
    let connection = state.store.connection(&id).await?;
    let placement = match connection.placement() {
        Placement::Shared => "shared",
        Placement::Dedicated => "dedicated",
        _ => return Err(Problem::internal(&"a placement has no word")),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Connection {
            tenant: id.as_str(),
            url: connection.url().expose(),
            schema: connection.schema().as_str(),
            placement,
        }))
}

fn etag(revision: Revision) -> EntityTag {
    EntityTag::new_strong(revision.to_string())
}

fn no_status(problem: fn(&'static str) -> Problem) -> Problem {
    problem(
        "that is no status; there are pending, provisioning, active, suspended, maintenance and archived",
    )
}

/// The revision that a write is to find. Of several, the one that is there.
async fn revision(
    expected: Expected,
    id: &TenantId,
    state: &State,
) -> Result<Option<Revision>, Problem> {
    match expected {
        Expected::Unsaid | Expected::Any => Ok(None),
        Expected::OneOf(revisions) => {
            let current = state.store.record(id).await?.revision;
            if revisions.contains(&current) {
                Ok(Some(current))
            } else {
                Err(Problem::tenant_changed())
            }
        }
    }
}
