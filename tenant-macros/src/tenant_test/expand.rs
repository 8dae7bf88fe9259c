use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Path, spanned::Spanned as _};

use super::validate::{Databases, Parameter, ValidatedTest};

/// The function, which is given what it asks for, as a test; or as a module of tests that call it.
pub(super) fn expand(test: ValidatedTest) -> TokenStream {
    let ValidatedTest {
        attributes,
        visibility,
        name,
        parameters,
        output,
        brace,
        body,
        databases,
        migrations,
        shared_migrations,
    } = test;
    let database = Ident::new("database", Span::mixed_site());
    let tenants = Ident::new("tenants", Span::mixed_site());
    let settings = settings(migrations.as_ref(), shared_migrations.as_ref());
    let declared = parameters.iter().map(
        |Parameter {
             attributes,
             pattern,
             ty,
             ..
         }| { quote!(#(#attributes)* #pattern: #ty) },
    );
    let given = parameters.iter().map(|Parameter { name, ty, .. }| {
        quote_spanned!(ty.span().resolved_at(Span::mixed_site())=>
            ::tenant_testkit::__private::parameter::<#ty>(&#tenants, #name).await
        )
    });
    let mut block = TokenStream::new();
    brace.surround(&mut block, |tokens| tokens.extend(body));
    let run = quote! {
        async fn #name(#(#declared),*) #output #block
        ::tenant_testkit::__private::run(#database, #settings, async |#tenants| {
            #name(#(#given),*).await
        })
    };
    match databases {
        Databases::One(one) => quote! {
            #[::core::prelude::v1::test]
            #(#attributes)*
            #visibility fn #name() #output {
                let #database = ::tenant_testkit::__private::#one();
                #run
            }
        },
        Databases::Each(each) => {
            let tests = each.iter().map(|one| {
                quote! {
                    #[::core::prelude::v1::test]
                    #(#attributes)*
                    fn #one() -> impl ::tenant_testkit::__private::Termination {
                        super::#name(::tenant_testkit::__private::#one())
                    }
                }
            });
            let conditions = attributes
                .iter()
                .filter(|attribute| attribute.path().is_ident("cfg"));
            let conditions: Vec<_> = conditions.collect();
            quote! {
                #(#conditions)*
                #[cfg(test)]
                fn #name(#database: ::tenant_testkit::__private::Kind) #output { #run }
                #(#conditions)*
                #[cfg(test)]
                #visibility mod #name { #(#tests)* }
            }
        }
    }
}

fn settings(migrations: Option<&Path>, shared: Option<&Path>) -> TokenStream {
    let mut settings = quote!(::tenant_testkit::__private::settings());
    if let Some(path) = migrations {
        let span = path.span().resolved_at(Span::mixed_site());
        settings = quote_spanned!(span=> #settings.migrations::<#path>());
    }
    if let Some(path) = shared {
        let span = path.span().resolved_at(Span::mixed_site());
        settings = quote_spanned!(span=> #settings.shared_migrations::<#path>());
    }
    settings
}
