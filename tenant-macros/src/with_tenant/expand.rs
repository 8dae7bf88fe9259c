use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    AssocType, Expr, ExprAsync, GenericArgument, Ident, PathArguments, ReturnType, Signature, Type,
    TypeImplTrait, TypeParamBound, parse_quote, parse_quote_spanned,
    spanned::Spanned as _,
    token::Brace,
    visit::Visit,
    visit_mut::{self, VisitMut},
};

use super::{
    future::{self, FutureBody, Shell},
    validate::{Body, Guard, Tenant, ValidatedFunction},
};

/// The function, its body in the tenant's scope.
pub(super) fn expand(function: ValidatedFunction) -> TokenStream {
    let ValidatedFunction {
        attributes,
        visibility,
        signature,
        inner_attributes,
        tenant,
        guards,
        brace,
        body,
    } = function;
    let output = &signature.output;
    let (allow, body) = match body {
        Body::Async(body) => (
            Some(quote!(#[allow(clippy::async_yields_async)])),
            checked(
                output,
                in_async_scope(&tenant, &guards, named(&signature), &block(brace, body)),
            ),
        ),
        Body::Sync(body) => (
            None,
            in_sync_scope(&tenant, &guards, output, &block(brace, body)),
        ),
        Body::Future(body) => (
            Some(quote!(#[allow(clippy::async_yields_async)])),
            in_future(&tenant, &guards, output, *body),
        ),
    };
    let mut expanded = quote!(#(#attributes)* #allow #visibility #signature);
    brace.surround(&mut expanded, |tokens| {
        tokens.extend(quote!(#(#inner_attributes)* #body));
    });
    expanded
}

/// The body with its braces where they were written, so that errors about it point there, but known
/// as expanded, so that no lint takes them for superfluous.
fn block(brace: Brace, body: TokenStream) -> TokenStream {
    let span = brace.span.join().resolved_at(Span::mixed_site());
    quote_spanned!(span=> { #body })
}

/// The place of `tokens` for what is expanded because of them.
fn expanded_at(tokens: impl ToTokens) -> Span {
    tokens.span().resolved_at(Span::mixed_site())
}

/// For the inside of an `async fn` or `async` block.
fn in_async_scope(
    tenant: &Tenant,
    guards: &[Guard],
    output: Option<Type>,
    body: &TokenStream,
) -> TokenStream {
    let name = Ident::new("tenant", Span::mixed_site());
    let id = id(tenant);
    let hint = output.map(|output| hint(&output));
    let held = held(guards);
    quote! {
        let #name: ::sea_orm_tenant::__private::TenantId = #id;
        ::sea_orm_tenant::__private::TenantContext::scope(#name, async move {
            #hint
            #held
            #body
        })
        .await
    }
}

fn in_sync_scope(
    tenant: &Tenant,
    guards: &[Guard],
    output: &ReturnType,
    body: &TokenStream,
) -> TokenStream {
    let name = Ident::new("tenant", Span::mixed_site());
    let id = id(tenant);
    let held = held(guards);
    let returned = named_or_inferred(output);
    let scope = quote! {
        ::sea_orm_tenant::__private::TenantContext::sync_scope(#name, move || -> #returned {
            #held
            #body
        })
    };
    let scope = checked(output, scope);
    quote! {
        let #name: ::sea_orm_tenant::__private::TenantId = #id;
        #scope
    }
}

/// A future that comes out of the scope would run without its tenant. One that is not known as such by
/// the spelling of its type is found by the compiler.
fn checked(output: &ReturnType, scope: TokenStream) -> TokenStream {
    let ReturnType::Type(_, output) = output else {
        return scope;
    };
    if matches!(**output, Type::Never(_)) || future::carries_a_tenant(output) {
        return scope;
    }
    let name = Ident::new("returned", Span::mixed_site());
    let span = output.span();
    let verdict = quote_spanned! {span=>
        ::sea_orm_tenant::__private::assert_no_future(
            ::sea_orm_tenant::__private::Probe::of(&#name).verdict(),
        );
    };
    quote! {
        let #name = { #scope };
        {
            #[allow(unused_imports)]
            use ::sea_orm_tenant::__private::Otherwise as _;
            #verdict
        }
        #name
    }
}

/// The scope goes around the `async` block that the body ends in.
fn in_future(
    tenant: &Tenant,
    guards: &[Guard],
    output: &ReturnType,
    body: FutureBody,
) -> TokenStream {
    let FutureBody {
        before,
        shell,
        block: ExprAsync { attrs, block, .. },
    } = body;
    let stmts = &block.stmts;
    let inner = self::block(block.brace_token, quote!(#(#stmts)*));
    let scoped = in_async_scope(tenant, guards, future_output(output), &inner);
    let future = quote!(#(#attrs)* async move { #scoped });
    let last = match shell {
        Shell::Bare => future,
        Shell::Call(function) => quote!(#function(#future)),
        Shell::Method(method) => quote!((#future).#method()),
    };
    quote!(#(#before)* #last)
}

fn id(tenant: &Tenant) -> TokenStream {
    match tenant {
        Tenant::Literal(id) => {
            quote!(const { ::sea_orm_tenant::__private::TenantId::from_static(#id) })
        }
        Tenant::Expression(expression) => expression_id(expression),
    }
}

fn expression_id(expression: &Expr) -> TokenStream {
    let span = expanded_at(expression);
    quote_spanned!(span=> ::sea_orm_tenant::__private::tenant_id(#expression))
}

/// Moves the guards into the scope: a closure or `async` block takes along only what it names.
fn held(guards: &[Guard]) -> TokenStream {
    let held = guards.iter().map(|Guard { conditions, name }| {
        quote! {
            #(#conditions)*
            #[allow(clippy::used_underscore_binding)]
            ::sea_orm_tenant::__private::hold(&#name);
        }
    });
    held.collect()
}

/// Tells the compiler what an `async` block returns, which there is no syntax for: without it `?`
/// and coercions in the body would not know their target. It is the way of async-trait.
fn hint(output: &Type) -> TokenStream {
    let span = expanded_at(output);
    quote_spanned! {span=>
        if let ::core::option::Option::Some(returned) = ::core::option::Option::None::<#output> {
            #[allow(unreachable_code)]
            return returned;
        }
    }
}

/// The return type, unless it has no name: `!` has none in stable Rust.
fn named(signature: &Signature) -> Option<Type> {
    match &signature.output {
        ReturnType::Default => {
            let span = signature.ident.span();
            Some(parse_quote_spanned!(span=> ()))
        }
        ReturnType::Type(_, output) if matches!(**output, Type::Never(_)) => None,
        ReturnType::Type(_, output) => Some(without_impl(output)),
    }
}

fn named_or_inferred(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, output) => without_impl(output),
    }
}

/// What the returned future returns.
fn future_output(output: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, output) = output else {
        return None;
    };
    if let Type::ImplTrait(future) = &**output {
        return future.bounds.iter().find_map(output_of);
    }
    if has_impl(output) {
        return None;
    }
    let span = expanded_at(output);
    Some(parse_quote_spanned!(span=> <#output as ::core::future::Future>::Output))
}

/// `T` of `Future<Output = T>`.
fn output_of(bound: &TypeParamBound) -> Option<Type> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(AssocType { ident, ty, .. }) if ident == "Output" => {
            Some(without_impl(ty))
        }
        _ => None,
    })
}

/// `impl Trait` cannot be written in a body: `_` is.
fn without_impl(ty: &Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            if let Type::ImplTrait(_) = ty {
                let span = ty.span();
                *ty = parse_quote_spanned!(span=> _);
            } else {
                visit_mut::visit_type_mut(self, ty);
            }
        }
    }
    let mut ty = ty.clone();
    Infer.visit_type_mut(&mut ty);
    ty
}

fn has_impl(ty: &Type) -> bool {
    struct Finds(bool);
    impl<'ast> Visit<'ast> for Finds {
        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.0 = true;
        }
    }
    let mut finds = Finds(false);
    finds.visit_type(ty);
    finds.0
}
