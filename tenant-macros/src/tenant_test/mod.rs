//! `#[tenant_test(..)]`.

mod expand;
mod parse;
mod validate;

use proc_macro2::TokenStream;
use quote::quote;

use self::parse::Arguments;
use crate::errors::Errors;

/// The test; or, when something is wrong with it, all that is wrong, and the function as it was
/// written, which nobody runs.
pub(crate) fn attribute(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let arguments = errors.keep(syn::parse2::<Arguments>(arguments));
    let function = errors.keep(parse::function(&item));
    match validate::validate(arguments, function, errors) {
        Ok(test) => expand::expand(test),
        Err(error) => {
            let errors = error.into_compile_error();
            quote!(#errors #[allow(dead_code, unused)] #item)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::messages;

    #[test]
    fn all_mistakes_are_reported_together() {
        let item = quote!(
            #[test]
            fn f<T>(self, (a, b): (A, B)) {}
        );
        let expanded = attribute(quote!(database = oracle, colour = red), item);
        let messages = messages(expanded);
        assert_eq!(messages.len(), 7, "{messages:#?}");
    }

    #[test]
    fn a_half_written_body_does_not_matter() {
        let expanded = attribute(
            quote!(database = postgres),
            quote!(async fn f(acme: TenantConnection) { acme. }),
        );
        assert_eq!(messages(expanded.clone()), [""; 0]);
        assert!(expanded.to_string().contains("acme ."));
    }

    #[test]
    fn each_of_several_databases_is_a_test() {
        let item = quote!(
            async fn f() {}
        );
        let expanded = attribute(quote!(database = [postgres, sqlite]), item);
        let tests = expanded.to_string();
        assert_eq!(tests.matches("v1 :: test").count(), 2, "{tests}");
    }
}
