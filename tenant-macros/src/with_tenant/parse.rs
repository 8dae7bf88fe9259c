use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{
    Attribute, Error, Expr, Item, Result, Signature, Token, Visibility, braced,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token::Brace,
};

/// What stands in the parentheses.
pub(super) struct Arguments(pub(super) Punctuated<Expr, Token![,]>);

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Punctuated::parse_terminated(input).map(Self)
    }
}

/// A function or method. Its body is kept as tokens: most often there is no need to understand it,
/// and an editor sends half-written ones.
pub(super) struct Function {
    pub(super) attributes: Vec<Attribute>,
    pub(super) visibility: Visibility,
    pub(super) signature: Signature,
    pub(super) inner_attributes: Vec<Attribute>,
    pub(super) brace: Brace,
    pub(super) body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = input.parse()?;
        if input.peek(Token![;]) {
            return Err(Error::new_spanned(
                signature,
                "this function has no body to run for a tenant: \
                 put `#[with_tenant(..)]` on the functions that implement it",
            ));
        }
        let content;
        let brace = braced!(content in input);
        Ok(Self {
            attributes,
            visibility,
            signature,
            inner_attributes: content.call(Attribute::parse_inner)?,
            brace,
            body: content.parse()?,
        })
    }
}

impl Function {
    /// Other `#[with_tenant(..)]` on the same function.
    pub(super) fn repetitions(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes
            .iter()
            .filter(|attribute| is_with_tenant(attribute))
    }

    /// The function as written, but for repetitions of the attribute, which would report the same
    /// mistakes once more.
    pub(super) fn once(&self) -> TokenStream {
        let attributes = self
            .attributes
            .iter()
            .filter(|attribute| !is_with_tenant(attribute));
        let Self {
            visibility,
            signature,
            inner_attributes,
            body,
            ..
        } = self;
        let mut function = quote!(#(#attributes)* #visibility #signature);
        self.brace.surround(&mut function, |block| {
            block.extend(quote!(#(#inner_attributes)* #body));
        });
        function
    }
}

fn is_with_tenant(attribute: &Attribute) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|segment| segment.ident == "with_tenant")
}

/// Parses a function, and says what stands there instead when it is none.
pub(super) fn function(item: &TokenStream) -> Result<Function> {
    syn::parse2(item.clone()).map_err(|error| {
        let other = syn::parse2::<Item>(item.clone()).ok();
        other
            .and_then(|item| not_a_function(&item))
            .unwrap_or(if is_expression(item) {
                Error::new(Span::call_site(), NOT_FOR_EXPRESSIONS)
            } else {
                error
            })
    })
}

const NOT_FOR_EXPRESSIONS: &str = "`#[with_tenant(..)]` works on functions and methods; \
                                   for closures and blocks there are `TenantContext::scope` and \
                                   `TenantContext::sync_scope`";

/// Whether this is a closure or the like, which cannot be put next to an error as an item can.
pub(super) fn is_expression(item: &TokenStream) -> bool {
    syn::parse2::<Expr>(item.clone()).is_ok()
}

fn not_a_function(item: &Item) -> Option<Error> {
    let (what, keyword): (_, &dyn ToTokens) = match item {
        Item::Const(item) => ("a constant", &item.const_token),
        Item::Enum(item) => ("an enum", &item.enum_token),
        Item::ExternCrate(item) => ("an extern crate", &item.extern_token),
        Item::ForeignMod(item) => ("a block of foreign functions", &item.abi),
        Item::Impl(item) => ("an impl block", &item.impl_token),
        Item::Macro(item) => ("a macro", &item.mac.path),
        Item::Mod(item) => ("a module", &item.mod_token),
        Item::Static(item) => ("a static", &item.static_token),
        Item::Struct(item) => ("a struct", &item.struct_token),
        Item::Trait(item) => ("a trait", &item.trait_token),
        Item::TraitAlias(item) => ("a trait alias", &item.trait_token),
        Item::Type(item) => ("a type alias", &item.type_token),
        Item::Union(item) => ("a union", &item.union_token),
        Item::Use(item) => ("an import", &item.use_token),
        _ => return None,
    };
    let instead = match item {
        Item::Impl(_) | Item::Trait(_) => ": put it on each of the methods that needs the tenant",
        _ => "",
    };
    Some(Error::new_spanned(
        keyword,
        format!(
            "`#[with_tenant(..)]` works on functions and methods that have a body, \
             and this is {what}{instead}"
        ),
    ))
}
