use actix_web::{
    HttpResponse, delete, get,
    http::header::{CACHE_CONTROL, LOCATION},
    post, web,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    auth::{Admin, Permitted, Scope},
    problem::Problem,
    service::State,
    token_store::{Token, words},
};

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// Whose it is. 1 to 200 bytes, no control characters among them.
    name: String,
    /// Any of `tenants:read`, `connections:read` and `admin`.
    scopes: Vec<String>,
}

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenInfo {
    id: String,
    name: String,
    scopes: Vec<&'static str>,
    /// RFC 3339.
    created_at: String,
}

/// A new token. Its text is shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct ShownToken {
    #[serde(flatten)]
    info: TokenInfo,
    /// What to send as `Authorization: Bearer`.
    token: String,
}

/// Every token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    tokens: Vec<TokenInfo>,
}

impl From<Token> for TokenInfo {
    fn from(token: Token) -> Self {
        Self {
            scopes: words(&token.scopes),
            created_at: humantime::format_rfc3339_millis(token.created_at).to_string(),
            id: token.id,
            name: token.name,
        }
    }
}

/// Makes a token.
///
/// Needs the scope `admin`.
#[utoipa::path(
    tag = "tokens",
    security(("bearer" = [])),
    request_body = NewToken,
    responses(
        (status = 201, description = "The token, shown this once", body = ShownToken),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[post("/tokens")]
pub(super) async fn create(
    state: web::Data<State>,
    asked: Permitted<Admin, web::Json<NewToken>>,
) -> Result<HttpResponse, Problem> {
    let NewToken { name, scopes } = asked.0.into_inner();
    if name.is_empty() || name.len() > 200 || name.contains(char::is_control) {
        return Err(Problem::unprocessable(
            "a token's name has 1 to 200 bytes, and no control characters",
        ));
    }
    let mut granted: Vec<Scope> = Vec::new();
    for word in scopes {
        let scope = word.parse().map_err(|()| {
            Problem::unprocessable("scopes are tenants:read, connections:read and admin")
        })?;
        if !granted.contains(&scope) {
            granted.push(scope);
        }
    }
    if granted.is_empty() {
        return Err(Problem::unprocessable("a token needs a scope"));
    }
    let (token, text) = state.tokens.create(name, &granted).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/tokens/{}", token.id)))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(ShownToken {
            info: token.into(),
            token: text.expose_secret().to_owned(),
        }))
}

/// Every token that was given out, without its secret.
///
/// Needs the scope `admin`.
#[utoipa::path(
    tag = "tokens",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Every token", body = Tokens),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[get("/tokens")]
pub(super) async fn list(
    state: web::Data<State>,
    _: Permitted<Admin>,
) -> Result<HttpResponse, Problem> {
    let tokens = state.tokens.list().await?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Tokens {
            tokens: tokens.into_iter().map(TokenInfo::from).collect(),
        }))
}

/// Takes a token back, at once.
///
/// Needs the scope `admin`. Event streams of the token end: those of this process at once, those of
/// others within ten seconds, and before they tell anything.
#[utoipa::path(
    tag = "tokens",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The token's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = "4XX", description = "Refused", body = Problem, content_type = "application/problem+json"),
        (status = "5XX", description = "The service's database does not answer (503, with `Retry-After`), or the service failed", body = Problem, content_type = "application/problem+json"),
    )
)]
#[delete("/tokens/{id}")]
pub(super) async fn delete(
    state: web::Data<State>,
    asked: Permitted<Admin, web::Path<String>>,
) -> Result<HttpResponse, Problem> {
    if state.tokens.delete(&asked.0).await? {
        state.revoked.send_replace(());
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::unknown_token())
    }
}
