use std::sync::Arc;

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest,
    dev::{Payload, ResourceDef, ServiceRequest},
    error::JsonPayloadError,
    http::{
        Method, StatusCode,
        header::{Header as _, IfMatch},
    },
    web,
};
use tenant_core::{Revision, TenantId};
use utoipa::openapi::{OpenApi, PathItem};

use crate::problem::Problem;

/// The most bytes that a body may have.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// What extractors say of requests they do not take: a problem, which repeats nothing of the body.
pub(super) fn configure(config: &mut web::ServiceConfig) {
    config
        .app_data(
            web::JsonConfig::default()
                .limit(MAX_BODY)
                .error_handler(|error, _| of_body(&error).into()),
        )
        .app_data(web::PayloadConfig::new(MAX_BODY))
        .app_data(web::QueryConfig::default().error_handler(|_, _| {
            Problem::invalid_request("the query is not what this route takes; see /docs/").into()
        }))
        .app_data(web::PathConfig::default().error_handler(|_, _| {
            Problem::invalid_request("the path is not what this route takes; see /docs/").into()
        }));
}

// Not what serde says: it repeats what it did not expect, and that may be a password.
fn of_body(error: &JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            Problem::too_large(MAX_BODY)
        }
        JsonPayloadError::ContentType => Problem::not_json(),
        JsonPayloadError::Deserialize(error) if error.is_data() => Problem::unprocessable(format!(
            "the body has a member that this route does not take, lacks one, or has one of another kind, before line {} column {}; see /docs/",
            error.line(),
            error.column()
        )),
        JsonPayloadError::Deserialize(error) => Problem::invalid_request(format!(
            "the body is no JSON, at line {} column {}",
            error.line(),
            error.column()
        )),
        _ => Problem::invalid_request("the body could not be read"),
    }
}

/// A request for the head of an answer alone.
#[derive(Clone, Copy)]
struct Head;

/// Makes `GET` of `HEAD`, which is the same without the body (RFC 9110, 9.3.2). The server leaves the
/// body out: it knows what was asked.
pub(super) fn take_head(request: &mut ServiceRequest) {
    if *request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(Head);
    }
}

/// Whether the request was for the head alone.
pub(super) fn is_head(request: &HttpRequest) -> bool {
    request.extensions().contains::<Head>()
}

/// The tenant that a path names.
pub(super) struct InPath(pub(super) TenantId);

impl FromRequest for InPath {
    type Error = Error;
    type Future = std::future::Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().query("id");
        std::future::ready(match TenantId::try_from(id) {
            Ok(id) => Ok(Self(id)),
            Err(error) => Err(Problem::invalid_tenant_id(StatusCode::BAD_REQUEST, &error).into()),
        })
    }
}

/// What a request says of the revision that it means to change.
pub(super) enum Expected {
    /// Nothing.
    Unsaid,
    /// `*`: whichever there is.
    Any,
    /// One of these.
    OneOf(Vec<Revision>),
}

impl FromRequest for Expected {
    type Error = Error;
    type Future = std::future::Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        if !request.headers().contains_key(IfMatch::name()) {
            return std::future::ready(Ok(Self::Unsaid));
        }
        std::future::ready(match IfMatch::parse(request) {
            Ok(IfMatch::Any) => Ok(Self::Any),
            // Weak tags never match here (RFC 9110, 13.1.1), nor do those that are no revisions.
            Ok(IfMatch::Items(tags)) => Ok(Self::OneOf(
                tags.iter()
                    .filter(|tag| !tag.weak)
                    .filter_map(|tag| tag.tag().parse().ok())
                    .collect(),
            )),
            Err(_) => Err(Problem::invalid_request("`If-Match` is no list of ETags").into()),
        })
    }
}

/// The routes that there are, to tell a wrong method from a wrong path.
#[derive(Clone)]
pub(super) struct Known(Arc<[(ResourceDef, String)]>);

impl Known {
    pub(super) fn new(document: &OpenApi) -> Self {
        Self(
            document
                .paths
                .paths
                .iter()
                .map(|(path, item)| {
                    (
                        ResourceDef::new(path.as_str()),
                        methods(path, item).join(", "),
                    )
                })
                .collect(),
        )
    }

    /// Why nothing answered the request.
    pub(super) fn problem_of(&self, request: &HttpRequest) -> Problem {
        let allowed = self
            .0
            .iter()
            // `/tenants/events` is `/tenants/{id}` too, which takes more.
            .filter(|(path, _)| path.is_match(request.path()))
            .min_by_key(|(path, _)| {
                path.pattern()
                    .map_or(0, |pattern| pattern.matches('{').count())
            });
        match allowed {
            Some((_, methods)) => Problem::method_not_allowed(methods),
            None => Problem::no_such_route(),
        }
    }
}

fn methods(path: &str, item: &PathItem) -> Vec<&'static str> {
    [
        ("GET", item.get.is_some()),
        // Events have no end, and so no head.
        ("HEAD", item.get.is_some() && path != "/tenants/events"),
        ("POST", item.post.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ]
    .into_iter()
    .filter_map(|(method, there)| there.then_some(method))
    .collect()
}
