use proc_macro2::TokenStream;
use syn::{
    Attribute, Error, Ident, Path, Result, Signature, Token, Visibility, braced, bracketed,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token::{Brace, Bracket},
};

/// What stands in the parentheses.
pub(super) struct Arguments(pub(super) Vec<Argument>);

/// `name = value`.
pub(super) struct Argument {
    pub(super) name: Ident,
    pub(super) values: Vec<Path>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let arguments = Punctuated::<Argument, Token![,]>::parse_terminated(input)?;
        Ok(Self(arguments.into_iter().collect()))
    }
}

impl Parse for Argument {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        let values = if input.peek(Bracket) {
            let content;
            bracketed!(content in input);
            let listed = Punctuated::<Path, Token![,]>::parse_terminated(&content)?;
            listed.into_iter().collect()
        } else {
            vec![input.parse()?]
        };
        Ok(Self { name, values })
    }
}

/// A function whose body is kept as tokens: an editor sends half-written ones.
pub(super) struct Function {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) brace: Brace,
    pub(super) body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let content;
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            brace: braced!(content in input),
            body: content.parse()?,
        })
    }
}

/// Parses a function, and says so when it is none.
pub(super) fn function(item: &TokenStream) -> Result<Function> {
    syn::parse2(item.clone()).map_err(|error| match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Fn(_)) | Err(_) => error,
        Ok(other) => Error::new_spanned(other, "a tenant test is an `async fn`"),
    })
}
