//! `#[with_tenant(..)]`.

mod expand;
mod future;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use self::parse::Arguments;
use crate::errors::Errors;

/// The function in its tenant's scope; or, when something is wrong with it, all that is wrong, and
/// the function as it was, so that its callers get no errors of their own.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = errors.keep(syn::parse2::<Arguments>(arguments));
    let function = errors.keep(parse::function(&item));
    let original = match &function {
        Some(function) => function.once(),
        None if parse::is_expression(&item) => TokenStream::new(),
        None => item,
    };
    let validated = validate::validate(arguments, function, errors);
    match validated {
        Ok(function) => expand::expand(function),
        Err(error) => {
            let errors = error.into_compile_error();
            quote!(#errors #original)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::messages;

    #[test]
    fn an_error_leaves_the_function_as_it_was() {
        let function = quote! {
            /// Documented.
            #[inline]
            pub(crate) const fn f<'a, T: Copy>(self: &'a T) -> T where T: 'a {
                #![allow(unused)]
                *self
            }
        };
        let expanded = attribute(quote!("acme"), function.clone());
        assert_eq!(messages(expanded.clone()).len(), 1);
        assert!(expanded.to_string().ends_with(&function.to_string()));
    }

    #[test]
    fn a_repetition_is_reported_once() {
        let twice = quote!(
            #[with_tenant("globex")]
            fn f() {}
        );
        let expanded = attribute(quote!("acme"), twice).to_string();
        assert_eq!(expanded.matches("compile_error").count(), 1);
        assert!(expanded.ends_with("fn f () { }"), "{expanded}");
    }

    #[test]
    fn a_half_written_body_does_not_matter() {
        let expanded = attribute(quote!("acme"), quote!(async fn f() { tenancy. }));
        assert_eq!(messages(expanded.clone()), [""; 0]);
        assert!(expanded.to_string().contains("tenancy ."));
    }

    #[test]
    fn half_a_signature_is_an_error_of_its_own() {
        let expanded = attribute(quote!("acme"), quote!(async fn f(x) {}));
        assert_eq!(messages(expanded).len(), 1);
        let expanded = attribute(quote!("acme"), quote!(fn));
        assert_eq!(messages(expanded).len(), 1);
        let expanded = attribute(quote!("acme"), TokenStream::new());
        assert_eq!(messages(expanded).len(), 1);
    }
}
