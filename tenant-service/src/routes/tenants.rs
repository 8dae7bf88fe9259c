use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, ETAG, EntityTag, Header as _, IfNoneMatch, LOCATION},
    },
    patch, post, web,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use tenant_core::{
    ConnectionInfo, DatabaseUrl, NewTenant, Placement, Revision, SchemaName, TenantError, TenantId,
    TenantInfo, TenantQuery, TenantRecord, TenantStatus, TenantStore as _, TenantUpdate,
};
use utoipa::{IntoParams, ToSchema};

use super::request::{Expected, InPath};
use crate::{
    auth::{Admin, Permitted, ReadConnections, ReadTenants},
    problem::Problem,
    service::State,
};

/// A tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(super) struct Tenant {
    id: String,
    name: String,
    /// `pending`, `provisioning`, `active`, `suspended`, `maintenance` or `archived`.
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

/// Some tenants, by their ids.
#[derive(Serialize, ToSchema)]
pub(super) struct Page {
    /// One whose entry makes no sense has `id` and `error` alone: it hides no other.
    #[schema(value_type = Vec<Tenant>)]
    tenants: Vec<Listed>,
    /// What to send as `after` for those that follow; `null`, where none do.
    #[schema(value_type = Option<String>)]
    next: Option<TenantId>,
}

/// A tenant on a page.
#[derive(Serialize)]
#[serde(untagged)]
enum Listed {
    Tenant(TenantInfo),
    Unusable { id: TenantId, error: String },
}

/// Where a tenant's data is.
#[derive(Serialize, ToSchema)]
pub(super) struct Connection<'a> {
    tenant: &'a str,
    /// The database's URL, a secret.
    url: &'a str,
    schema: &'a str,
    /// `shared` or `dedicated`.
    placement: &'static str,
}

/// Which tenants to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Listing {
    /// Only those in this status.
    status: Option<String>,
    /// Only those whose ids come after this one.
    after: Option<String>,
    /// At most so many: 100 unless told, and never more than 1,000.
    limit: Option<u32>,
}

/// A tenant to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Creation {
    id: String,
    /// The id, unless told.
    name: Option<String>,
    plan: Option<String>,
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// `pending`, unless told, or `active`.
    status: Option<String>,
    #[serde(default)]
    connection: Place,
}

/// What to change of a tenant. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    name: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    plan: Option<Option<String>>,
    /// Merged into what is there (RFC 7396).
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    status: Option<String>,
    connection: Option<Place>,
}

/// Where a tenant's data is to be.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// The database. The service's own setting, unless told.
    #[schema(value_type = Option<String>)]
    url: Option<SecretString>,
    /// The schema's name. Made of the tenant's id, unless told; left out where it is dedicated.
    schema: Option<String>,
    /// `shared`, unless told, or `dedicated`.
    placement: Option<String>,
}

fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

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
            tenants: page
                .tenants
                .into_iter()
                .map(|listed| match listed.info {
                    Ok(info) => Listed::Tenant(info),
                    Err(error) => Listed::Unusable {
                        id: listed.id,
                        error: error.to_string(),
                    },
                })
                .collect(),
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
    let connection = placed(body.connection, &id, &state)?;
    let mut info = TenantInfo::active(id).with_status(status);
    if let Some(name) = body.name {
        info.name = name;
    }
    info.plan = body.plan;
    info.metadata = body.metadata.unwrap_or_default();
    let record = state
        .store
        .create(NewTenant::new(info, connection))
        .await
        .map_err(Problem::of_write)?;
    state.feed.wrote();
    let location = format!("/tenants/{}", record.info.id);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .insert_header((ETAG, etag(record.revision)))
        .json(record.info))
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
        response.json(info)
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
    changes.connection = body
        .connection
        .map(|place| placed(place, &id, &state))
        .transpose()?;
    let expected = revision(expected, &id, &state).await?;
    let record = state
        .store
        .update(&id, changes, expected)
        .await
        .map_err(Problem::of_write)?;
    state.feed.wrote();
    Ok(HttpResponse::Ok()
        .insert_header((ETAG, etag(record.revision)))
        .json(record.info))
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
    )
)]
#[get("/tenants/{id}/connection")]
pub(super) async fn read_connection(
    state: web::Data<State>,
    asked: Permitted<ReadConnections, InPath>,
) -> Result<HttpResponse, Problem> {
    let Permitted(InPath(id), _) = asked;
    let connection: Arc<ConnectionInfo> = state.store.connection(&id).await?;
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

// None of what is said repeats a URL, or a part of one.
fn placed(place: Place, id: &TenantId, state: &State) -> Result<ConnectionInfo, Problem> {
    let given = place
        .url
        .map(|url| {
            DatabaseUrl::new(url.expose_secret()).map_err(|_| {
                Problem::unprocessable(
                    "`connection.url` is no URL of a postgres, mysql or sqlite database; a password stands in front of the host, and no SQLite database is in memory",
                )
            })
        })
        .transpose()?;
    match place.placement.as_deref() {
        None | Some("shared") => {
            let url = given.as_ref().or(state.tenant_database.as_ref()).ok_or_else(|| {
                Problem::unprocessable(
                    "say `connection.url`: this service has no database for tenants that do not",
                )
            })?;
            Ok(match place.schema {
                None => ConnectionInfo::shared(url, id),
                Some(schema) => ConnectionInfo::shared_in(
                    url,
                    SchemaName::try_from(schema).map_err(TenantError::from)?,
                ),
            })
        }
        Some("dedicated") => {
            if place.schema.is_some() {
                return Err(Problem::unprocessable(
                    "a tenant in a dedicated database uses its default schema; leave `connection.schema` out",
                ));
            }
            let url = given.ok_or_else(|| {
                Problem::unprocessable("a dedicated database needs a `connection.url` of its own")
            })?;
            ConnectionInfo::dedicated(&url).map_err(|_| {
                Problem::unprocessable(
                    "the dedicated database that `connection.url` names cannot be a tenant's",
                )
            })
        }
        Some(_) => Err(Problem::unprocessable(
            "`connection.placement` is `shared` or `dedicated`",
        )),
    }
}
