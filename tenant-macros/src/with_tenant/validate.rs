use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, Lit, LitStr, Result, Signature, Visibility,
    token::Brace,
    visit::{self, Visit},
};

use super::{
    future::{self, FutureBody},
    parse::{Arguments, Function},
};
use crate::{errors::Errors, tenant_id};

/// A function that can run in a tenant's scope.
pub(super) struct ValidatedFunction {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) inner_attributes: Vec<Attribute>,
    pub(super) tenant: Tenant,
    pub(super) guards: Vec<Guard>,
    pub(super) brace: Brace,
    pub(super) body: Body,
}

pub(super) enum Tenant {
    /// A valid id.
    Literal(LitStr),
    Expression(Expr),
}

pub(super) enum Body {
    Async(TokenStream),
    Sync(TokenStream),
    Future(Box<FutureBody>),
}

/// An argument such as `_guard`, which is there to be dropped.
pub(super) struct Guard {
    pub(super) conditions: Vec<Attribute>,
    pub(super) name: Ident,
}

/// Checks what was parsed, and reports everything that is wrong together with what parsing found.
pub(super) fn validate(
    arguments: Option<Arguments>,
    function: Option<Function>,
    mut errors: Errors,
) -> Result<ValidatedFunction> {
    let tenant = arguments.and_then(|arguments| tenant(arguments, &mut errors));
    if let Some(function) = &function {
        check_signature(&function.signature, &mut errors);
        for repetition in function.repetitions() {
            errors.at(
                repetition,
                "a function runs for one tenant: `#[with_tenant(..)]` is already on it",
            );
        }
    }
    let Some(function) = function else {
        return Err(incomplete(errors));
    };
    let body = errors.keep(body(&function));
    let (Some(tenant), Some(body)) = (tenant, body) else {
        return Err(incomplete(errors));
    };
    errors.into_result()?;
    Ok(ValidatedFunction {
        guards: guards(&function.signature, &tenant, &body),
        attributes: function.attributes,
        visibility: function.visibility,
        signature: function.signature,
        inner_attributes: function.inner_attributes,
        tenant,
        brace: function.brace,
        body,
    })
}

/// Something is missing, so there is a mistake that says why.
fn incomplete(errors: Errors) -> Error {
    match errors.into_result() {
        Err(error) => error,
        Ok(()) => Error::new(Span::call_site(), "this function cannot run for a tenant"),
    }
}

fn tenant(Arguments(arguments): Arguments, errors: &mut Errors) -> Option<Tenant> {
    let mut arguments = arguments.into_iter();
    let Some(first) = arguments.next() else {
        errors.add(Error::new(
            Span::call_site(),
            "which tenant? Write `#[with_tenant(\"acme\")]`, or an expression over the arguments",
        ));
        return None;
    };
    for more in arguments {
        errors.at(
            more,
            "a function runs for one tenant: expected one argument",
        );
    }
    match peel(first) {
        Expr::Lit(ExprLit {
            lit: Lit::Str(id), ..
        }) => match tenant_id::check(&id.value()) {
            Ok(()) => Some(Tenant::Literal(id)),
            Err(message) => {
                errors.at(id, message);
                None
            }
        },
        Expr::Lit(other) => {
            errors.at(
                other,
                "a tenant id is a string, such as `#[with_tenant(\"acme\")]`",
            );
            None
        }
        Expr::Assign(named) => {
            errors.at(
                &named.left,
                "the argument has no name: write `#[with_tenant(\"acme\")]`",
            );
            None
        }
        expression => Some(Tenant::Expression(expression)),
    }
}

/// What a `macro_rules!` macro passes on is wrapped in an invisible group.
fn peel(expression: Expr) -> Expr {
    match expression {
        Expr::Group(group) => peel(*group.expr),
        Expr::Paren(paren) => peel(*paren.expr),
        other => other,
    }
}

fn check_signature(signature: &Signature, errors: &mut Errors) {
    if let Some(token) = &signature.constness {
        errors.at(
            token,
            "a `const fn` cannot run for a tenant: there is none at compile time",
        );
    }
    if let Some(abi) = &signature.abi {
        errors.at(
            abi,
            "an `extern` function cannot run for a tenant: \
             call a Rust function with `#[with_tenant(..)]` from it",
        );
    }
}

fn body(function: &Function) -> Result<Body> {
    let tokens = function.body.clone();
    let output = &function.signature.output;
    if function.signature.asyncness.is_some() {
        Ok(Body::Async(tokens))
    } else if future::is_returned(output) {
        Ok(Body::Future(Box::new(future::body(tokens, output)?)))
    } else {
        Ok(Body::Sync(tokens))
    }
}

/// The guards, but for those that the tenant's expression, or statements in front of the scope,
/// may have used up.
fn guards(signature: &Signature, tenant: &Tenant, body: &Body) -> Vec<Guard> {
    let used = match (tenant, body) {
        (_, Body::Future(body)) if !body.before.is_empty() => return Vec::new(),
        (Tenant::Literal(_), _) => TokenStream::new(),
        (Tenant::Expression(expression), _) => expression.to_token_stream(),
    };
    let mut guards = Vec::new();
    for argument in &signature.inputs {
        if let FnArg::Typed(argument) = argument {
            let mut found = FindsGuards(Vec::new());
            found.visit_pat(&argument.pat);
            found.0.retain(|name| !mentions(used.clone(), name));
            guards.extend(found.0.into_iter().map(|name| Guard {
                conditions: conditions(&argument.attrs),
                name,
            }));
        }
    }
    guards
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    let conditions = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.cloned().collect()
}

struct FindsGuards(Vec<Ident>);

impl<'ast> Visit<'ast> for FindsGuards {
    fn visit_pat_ident(&mut self, pattern: &'ast syn::PatIdent) {
        if pattern.ident.to_string().starts_with('_') {
            self.0.push(pattern.ident.clone());
        }
        visit::visit_pat_ident(self, pattern);
    }
}
