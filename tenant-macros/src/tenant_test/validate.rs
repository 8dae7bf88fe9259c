use proc_macro2::{Span, TokenStream};
use syn::{
    Attribute, Error, FnArg, Ident, Pat, Path, Result, ReturnType, Signature, Type, Visibility,
    ext::IdentExt as _, token::Brace,
};

use super::parse::{Argument, Arguments, Function};
use crate::errors::Errors;

/// A test that can be expanded.
pub(super) struct ValidatedTest {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) name: Ident,
    pub(super) parameters: Vec<Parameter>,
    pub(super) output: ReturnType,
    pub(super) brace: Brace,
    pub(super) body: TokenStream,
    pub(super) databases: Databases,
    pub(super) migrations: Option<Path>,
    pub(super) shared_migrations: Option<Path>,
}

/// What is handed in, by its type; its name is that of the tenant.
pub(super) struct Parameter {
    pub(super) attributes: Vec<Attribute>,
    pub(super) pattern: Pat,
    pub(super) name: String,
    pub(super) ty: Type,
}

pub(super) enum Databases {
    /// One test.
    One(Ident),
    /// A module of tests.
    Each(Vec<Ident>),
}

/// Checks what was parsed, and reports everything that is wrong together with what parsing found.
pub(super) fn validate(
    arguments: Option<Arguments>,
    function: Option<Function>,
    mut errors: Errors,
) -> Result<ValidatedTest> {
    let settings = arguments.map(|arguments| Settings::of(arguments, &mut errors));
    let parameters = function.as_ref().map(|function| {
        check_attributes(&function.attributes, &mut errors);
        check_signature(&function.signature, &mut errors);
        parameters(&function.signature, &mut errors)
    });
    errors.into_result()?;
    let (Some(settings), Some(function), Some(parameters)) = (settings, function, parameters)
    else {
        return Err(incomplete());
    };
    Ok(ValidatedTest {
        attributes: function.attributes,
        visibility: function.visibility,
        name: function.signature.ident,
        parameters,
        output: function.signature.output,
        brace: function.brace,
        body: function.body,
        databases: settings.databases.ok_or_else(incomplete)?,
        migrations: settings.migrations,
        shared_migrations: settings.shared_migrations,
    })
}

/// Only for what has been reported.
fn incomplete() -> Error {
    Error::new(Span::call_site(), "this cannot be a tenant test")
}

#[derive(Default)]
struct Settings {
    databases: Option<Databases>,
    migrations: Option<Path>,
    shared_migrations: Option<Path>,
}

impl Settings {
    fn of(Arguments(arguments): Arguments, errors: &mut Errors) -> Self {
        let mut settings = Self::default();
        let mut seen: Vec<Ident> = Vec::new();
        for argument in arguments {
            if seen.contains(&argument.name) {
                errors.at(
                    &argument.name,
                    format!("`{}` is given twice", argument.name),
                );
                continue;
            }
            seen.push(argument.name.clone());
            settings.take(argument, errors);
        }
        if !seen.iter().any(|name| name == "database") {
            errors.add(Error::new(
                Span::call_site(),
                "on which database? Write `database = postgres`, `mariadb` or `sqlite`, \
                 or several: `database = [postgres, sqlite]`",
            ));
        }
        settings
    }

    fn take(&mut self, argument: Argument, errors: &mut Errors) {
        let Argument { name, values } = argument;
        if name == "database" {
            self.databases = databases(&name, &values, errors);
        } else if name == "migrations" {
            self.migrations = one(&name, values, errors);
        } else if name == "shared_migrations" {
            self.shared_migrations = one(&name, values, errors);
        } else {
            errors.at(
                &name,
                format!(
                    "`{name}` is no argument of a tenant test; there are `database`, \
                     `migrations` and `shared_migrations`"
                ),
            );
        }
    }
}

fn databases(name: &Ident, values: &[Path], errors: &mut Errors) -> Option<Databases> {
    let mut found: Vec<Ident> = Vec::new();
    for value in values {
        let known = value.get_ident().filter(|database| {
            ["postgres", "mariadb", "sqlite"]
                .iter()
                .any(|known| *database == known)
        });
        match known {
            Some(database) if found.contains(database) => {
                errors.at(value, format!("`{database}` is given twice"));
            }
            Some(database) => found.push(database.clone()),
            None => errors.at(
                value,
                "a tenant test runs on `postgres`, `mariadb` or `sqlite`",
            ),
        }
    }
    match (values, found.as_slice()) {
        ([], _) => {
            errors.at(name, "a tenant test runs on one database at least");
            None
        }
        ([_], [one]) => Some(Databases::One(one.clone())),
        _ => Some(Databases::Each(found)),
    }
}

/// A migrator.
fn one(name: &Ident, values: Vec<Path>, errors: &mut Errors) -> Option<Path> {
    let count = values.len();
    let mut values = values.into_iter();
    if count != 1 {
        errors.at(name, format!("`{name}` is one migrator"));
    }
    values.next()
}

/// The tests that this expands to are known to the runner by an attribute of their own.
fn check_attributes(attributes: &[Attribute], errors: &mut Errors) {
    for attribute in attributes {
        let last = attribute.path().segments.last();
        match last.map(|segment| segment.ident.to_string()).as_deref() {
            Some("test") => errors.at(attribute, "`#[tenant_test(..)]` makes it a test already"),
            Some("tenant_test") => errors.at(attribute, "`#[tenant_test(..)]` is already on it"),
            _ => {}
        }
    }
}

fn check_signature(signature: &Signature, errors: &mut Errors) {
    if signature.asyncness.is_none() {
        errors.at(signature.fn_token, "a tenant test is an `async fn`");
    }
    if !signature.generics.params.is_empty() {
        errors.at(
            &signature.generics,
            "nobody would say what these are: a test has no generics",
        );
    }
    if let Some(token) = &signature.constness {
        errors.at(token, "a test cannot be `const`");
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a test cannot be `extern`");
    }
}

fn parameters(signature: &Signature, errors: &mut Errors) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(receiver) => errors.at(receiver, "a test is no method"),
            FnArg::Typed(typed) => match &*typed.pat {
                Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => {
                    // `_acme`, which is not used, is the tenant `acme`.
                    let name = pattern.ident.unraw().to_string();
                    parameters.push(Parameter {
                        attributes: typed.attrs.clone(),
                        pattern: (*typed.pat).clone(),
                        name: name.trim_start_matches('_').to_owned(),
                        ty: (*typed.ty).clone(),
                    });
                }
                other => errors.at(
                    other,
                    "a parameter of a tenant test has a name: that of a `TenantConnection` is its tenant's",
                ),
            },
        }
    }
    parameters
}
