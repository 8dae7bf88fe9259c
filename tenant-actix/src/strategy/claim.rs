use std::fmt;

use actix_web::http::header::{self, HeaderName};
use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use serde_json::Value;

use super::{Identification, Identified, TenantStrategy, tenant_named};
use crate::{InvalidSetting, TenantProblem, TenantRequest};

/// The tenant is named by a claim of a JSON Web Token in `Authorization: Bearer`, once its signature
/// and its time are verified.
///
/// A request without a bearer token names no tenant. One whose token is not valid is refused, and so
/// is one whose valid token lacks the claim, unless [`optional_claim`](ClaimBuilder::optional_claim)
/// says otherwise: the next strategy may trust what anybody can write.
///
/// ```
/// use tenant_actix::strategy::{
///     Claim,
///     jsonwebtoken::{Algorithm, DecodingKey},
/// };
///
/// # let public_key_pem = b"-----BEGIN PUBLIC KEY-----
/// # MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
/// # -----END PUBLIC KEY-----
/// # ";
/// let claim = Claim::named("tenant")
///     .key(Algorithm::EdDSA, DecodingKey::from_ed_pem(public_key_pem)?)
///     .issuer("https://login.example")
///     .audience("books")
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Keys are [`jsonwebtoken`]'s, which [`strategy`](crate::strategy) re-exports.
///
/// # What is checked
///
/// - The signature, with one of the keys, by the algorithm that the key is for. What the token's
///   header says only chooses among the keys. There is no `none`.
/// - `exp`, which must be there, and `nbf`, with a leeway of 60 s.
/// - `iss` and `aud`, where they are set here. A token with an audience is refused where none is set.
///
/// # Panics
///
/// The cryptography is `jsonwebtoken`'s with its feature `aws_lc_rs`. In an application that turns on
/// `rust_crypto` as well, `jsonwebtoken` panics on every token until the application has chosen one
/// with `jsonwebtoken::crypto::CryptoProvider::install_default`.
pub struct Claim {
    claim: String,
    keys: Vec<Key>,
    optional: bool,
}

struct Key {
    id: Option<String>,
    key: DecodingKey,
    validation: Validation,
}

impl Claim {
    /// The claim of that name; with a `/` in front, a JSON pointer to one that is nested:
    /// `/org/id`.
    pub fn named(claim: impl Into<String>) -> ClaimBuilder {
        ClaimBuilder {
            claim: claim.into(),
            keys: Vec::new(),
            issuers: Vec::new(),
            audiences: Vec::new(),
            optional: false,
        }
    }

    fn find(&self, request: &TenantRequest<'_>) -> Identified {
        let Some(token) = bearer(request)? else {
            return Ok(None);
        };
        let claims = self.verified(token)?;
        let claim = if self.claim.starts_with('/') {
            claims.pointer(&self.claim)
        } else {
            claims.get(&self.claim)
        };
        match claim {
            Some(Value::String(tenant)) => tenant_named(Some(tenant)),
            None | Some(Value::Null) if self.optional => Ok(None),
            None | Some(Value::Null) => Err(TenantProblem::forbidden("the token names no tenant")),
            Some(_) => Err(TenantProblem::unauthenticated(
                "the token's claim of the tenant is no text",
            )),
        }
    }

    fn verified(&self, token: &str) -> Result<Value, TenantProblem> {
        let refused =
            |error: jsonwebtoken::errors::Error| TenantProblem::unauthenticated(error.to_string());
        let header = decode_header(token).map_err(refused)?;
        let mut outcome = TenantProblem::unauthenticated("no key is for the token");
        for key in &self.keys {
            let is_for = key.validation.algorithms.contains(&header.alg)
                && match (&key.id, &header.kid) {
                    (Some(key), Some(token)) => key == token,
                    _ => true,
                };
            if !is_for {
                continue;
            }
            match decode(token, &key.key, &key.validation) {
                Ok(TokenData { claims, .. }) => return Ok(claims),
                Err(error) => outcome = refused(error),
            }
        }
        Err(outcome)
    }
}

/// The token, if the request has one. Other ways to authenticate are not ours to judge.
fn bearer<'r>(request: &TenantRequest<'r>) -> Result<Option<&'r str>, TenantProblem> {
    let authorization = request.header(&header::AUTHORIZATION)?;
    Ok(authorization
        .map(|value| {
            value
                .split_once(|c: char| c.is_ascii_whitespace())
                .unwrap_or((value, ""))
        })
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim()))
}

impl TenantStrategy for Claim {
    fn name(&self) -> &'static str {
        "claim"
    }

    fn identify<'a>(&'a self, request: &'a TenantRequest<'a>) -> Identification<'a> {
        self.find(request).into()
    }

    fn varies_by(&self) -> Vec<HeaderName> {
        vec![header::AUTHORIZATION]
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("claim", &self.claim)
            .field("keys", &self.keys.len())
            .field("optional", &self.optional)
            .finish()
    }
}

/// Settings of a [`Claim`].
#[must_use = "a builder does nothing until it is built"]
pub struct ClaimBuilder {
    claim: String,
    keys: Vec<(Option<String>, Algorithm, DecodingKey)>,
    issuers: Vec<String>,
    audiences: Vec<String>,
    optional: bool,
}

impl ClaimBuilder {
    /// A key that tokens may be signed with, and the one algorithm that it is for. More than one,
    /// while keys are changed.
    pub fn key(mut self, algorithm: Algorithm, key: DecodingKey) -> Self {
        self.keys.push((None, algorithm, key));
        self
    }

    /// As [`key`](Self::key), for tokens whose header names that key, or none.
    pub fn key_with_id(
        mut self,
        id: impl Into<String>,
        algorithm: Algorithm,
        key: DecodingKey,
    ) -> Self {
        self.keys.push((Some(id.into()), algorithm, key));
        self
    }

    /// Who tokens may be from. More than one, when called again; anybody who has the key, when not
    /// called.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push(issuer.into());
        self
    }

    /// Whom tokens may be for. More than one, when called again.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// A valid token that lacks the claim names no tenant, and the next strategy is asked. Default:
    /// it is refused.
    pub fn optional_claim(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The strategy.
    ///
    /// # Errors
    ///
    /// The claim has no name, there is no key, or one that is of another kind than its algorithm: no
    /// token would be valid.
    pub fn build(self) -> Result<Claim, InvalidSetting> {
        let invalid = |reason| Err(InvalidSetting::new("the claim", &self.claim, reason));
        if self.claim.is_empty() {
            return invalid("it has no name");
        }
        if self.keys.is_empty() {
            return invalid("there is no key that its tokens could be signed with");
        }
        let fits =
            |(_, algorithm, key): &(_, Algorithm, DecodingKey)| algorithm.family() == key.family();
        if !self.keys.iter().all(fits) {
            return invalid("a key is of another kind than its algorithm");
        }
        let validation = |algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.validate_nbf = true;
            if !self.issuers.is_empty() {
                validation.set_issuer(&self.issuers);
                validation.required_spec_claims.insert("iss".to_owned());
            }
            if !self.audiences.is_empty() {
                validation.set_audience(&self.audiences);
                validation.required_spec_claims.insert("aud".to_owned());
            }
            validation
        };
        Ok(Claim {
            keys: self
                .keys
                .into_iter()
                .map(|(id, algorithm, key)| Key {
                    id,
                    validation: validation(algorithm),
                    key,
                })
                .collect(),
            claim: self.claim,
            optional: self.optional,
        })
    }
}

impl fmt::Debug for ClaimBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimBuilder")
            .field("claim", &self.claim)
            .field("keys", &self.keys.len())
            .field("issuers", &self.issuers)
            .field("audiences", &self.audiences)
            .field("optional", &self.optional)
            .finish()
    }
}
