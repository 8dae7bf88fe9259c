use std::{fmt, marker::PhantomData, str::FromStr};

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload, http::header, web};
use futures_util::future::LocalBoxFuture;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{problem::Problem, service::State, token_store::TokenError};

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To read tenants, and be told of their changes.
    ReadTenants,
    /// That, and to read where their data is: secrets.
    ReadConnections,
    /// Everything.
    Admin,
}

impl Scope {
    pub(crate) const ALL: [Self; 3] = [Self::ReadTenants, Self::ReadConnections, Self::Admin];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ReadTenants => "tenants:read",
            Self::ReadConnections => "connections:read",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this scope has the other too.
    fn implies(self, other: Self) -> bool {
        self == other
            || self == Self::Admin
            || (self == Self::ReadConnections && other == Self::ReadTenants)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == word)
            .ok_or(())
    }
}

/// The SHA-256 of a secret of 256 random bits, or of an administrator's token: what is kept of it.
#[derive(Clone)]
pub(crate) struct SecretDigest([u8; 32]);

impl SecretDigest {
    pub(crate) fn of(secret: &SecretString) -> Self {
        Self(Sha256::digest(secret.expose_secret().as_bytes()).into())
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Compares without telling by its time how much was equal.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest")
    }
}

/// A scope as a type: what a route asks for.
pub(crate) trait Needed {
    const SCOPE: Scope;
}

/// `tenants:read`
pub(crate) struct ReadTenants;

impl Needed for ReadTenants {
    const SCOPE: Scope = Scope::ReadTenants;
}

/// `connections:read`
pub(crate) struct ReadConnections;

impl Needed for ReadConnections {
    const SCOPE: Scope = Scope::ReadConnections;
}

/// `admin`
pub(crate) struct Admin;

impl Needed for Admin {
    const SCOPE: Scope = Scope::Admin;
}

/// What a route takes from a request whose token has the scope. Nothing is taken from others: who
/// may not ask is not told what is wrong with the question.
pub(crate) struct Permitted<S, T = ()>(pub(crate) T, pub(crate) Grant<S>);

impl<S: Needed + 'static, T: FromRequest + 'static> FromRequest for Permitted<S, T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let holder = permit(&request, S::SCOPE).await?;
            match T::from_request(&request, &mut payload).await {
                Ok(taken) => Ok(Self(taken, Grant(holder, PhantomData))),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// That somebody's token had the scope, for answers that take longer than the asking.
pub(crate) struct Grant<S>(Holder, PhantomData<S>);

impl<S: Needed> Grant<S> {
    /// Whether the token still has the scope: it may have been taken back.
    pub(crate) async fn holds(&self, state: &State) -> Result<bool, TokenError> {
        let Holder::Token(id) = &self.0 else {
            return Ok(true);
        };
        let token = state.tokens.of_id(id).await?;
        Ok(token.is_some_and(|token| suffice(&token.scopes, S::SCOPE)))
    }
}

/// Whose token a request has.
pub(crate) enum Holder {
    /// The administrator's, which is as long as the service is.
    Administrator,
    /// One that was given out, by its id.
    Token(String),
}

/// Whether the request's token has the scope.
pub(crate) async fn permit(request: &HttpRequest, needed: Scope) -> Result<Holder, Problem> {
    let state = request
        .app_data::<web::Data<State>>()
        .ok_or_else(|| Problem::internal(&"the application has no state"))?;
    let text = bearer(request).ok_or_else(Problem::unauthenticated)?;
    if state.admin.is(&SecretDigest::of(&text)) {
        return Ok(Holder::Administrator);
    }
    let token = state.tokens.of_text(&text).await?;
    let token = token.ok_or_else(Problem::unauthenticated)?;
    if suffice(&token.scopes, needed) {
        Ok(Holder::Token(token.id))
    } else {
        Err(Problem::forbidden(needed))
    }
}

fn suffice(scopes: &[Scope], needed: Scope) -> bool {
    scopes.iter().any(|scope| scope.implies(needed))
}

fn bearer(request: &HttpRequest) -> Option<SecretString> {
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| SecretString::from(token.trim()))
}
