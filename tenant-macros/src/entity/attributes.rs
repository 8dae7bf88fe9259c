use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Expr, ExprLit, Lit, LitStr, Result, Token,
    ext::IdentExt as _,
    parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token::Paren,
};

use crate::errors::Errors;

/// One `key`, `key = value` or `key(..)` of a `#[sea_orm(..)]`. Most keys are SeaORM's business
/// alone; they are parsed to find ours between them.
pub(super) struct Entry {
    pub(super) key: Ident,
    pub(super) value: Value,
}

pub(super) enum Value {
    None,
    Assigned(Token![=], Expr),
    List(Paren, TokenStream),
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            Value::Assigned(input.parse()?, input.parse()?)
        } else if input.peek(Paren) {
            let content;
            let paren = parenthesized!(content in input);
            Value::List(paren, content.parse()?)
        } else {
            Value::None
        };
        Ok(Self { key, value })
    }
}

impl ToTokens for Entry {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.key.to_tokens(tokens);
        match &self.value {
            Value::None => {}
            Value::Assigned(equals, value) => {
                equals.to_tokens(tokens);
                value.to_tokens(tokens);
            }
            Value::List(paren, list) => {
                paren.surround(tokens, |tokens| list.to_tokens(tokens));
            }
        }
    }
}

impl Entry {
    pub(super) fn is(&self, key: &str) -> bool {
        self.key == key
    }

    /// The string that is assigned, if it is one.
    pub(super) fn string(&self) -> Option<&LitStr> {
        match &self.value {
            Value::Assigned(_, value) => string(value),
            Value::None | Value::List(..) => None,
        }
    }

    /// All strings in the value, however deep.
    pub(super) fn strings(&self) -> Vec<LitStr> {
        let mut found = Vec::new();
        match &self.value {
            Value::None => {}
            Value::Assigned(_, value) => strings(value.to_token_stream(), &mut found),
            Value::List(_, list) => strings(list.clone(), &mut found),
        }
        found
    }
}

/// What a `macro_rules!` macro passes on is wrapped in an invisible group.
fn string(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text),
        Expr::Group(group) => string(&group.expr),
        _ => None,
    }
}

fn strings(tokens: TokenStream, found: &mut Vec<LitStr>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => strings(group.stream(), found),
            TokenTree::Literal(literal) => {
                if let Lit::Str(text) = Lit::new(literal) {
                    found.push(text);
                }
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// The entries of all `#[sea_orm(..)]` between `attributes`. What cannot be read is reported.
pub(super) fn sea_orm(attributes: &[Attribute], errors: &mut Errors) -> Vec<Entry> {
    let attributes = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("sea_orm"));
    attributes
        .filter_map(|attribute| {
            let entries = Punctuated::<Entry, Token![,]>::parse_terminated;
            errors.keep(attribute.parse_args_with(entries))
        })
        .flatten()
        .collect()
}
