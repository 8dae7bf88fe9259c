use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;

use super::{
    Role,
    validate::{Subject, Validated},
};

/// The declarations, and the checks that the compiler does for them.
pub(super) fn expand(role: Role, validated: Validated) -> TokenStream {
    let Validated {
        subject,
        targets,
        name,
    } = validated;
    let mut expanded = declarations(role, &subject);
    expanded.extend(subject_check(role, &subject, &name));
    let targets = targets.iter().map(|target| {
        let check = match role {
            Role::Scoped => quote_spanned!(target.span()=> assert_declared),
            Role::Shared => quote_spanned!(target.span()=> assert_shared),
        };
        assertion(&check, target)
    });
    expanded.extend(targets);
    expanded
}

/// What the item declares, unchecked: for `expand`, and next to an error.
pub(super) fn declarations(role: Role, subject: &Subject) -> TokenStream {
    match subject {
        Subject::Entity(entity) => {
            let role = match role {
                Role::Scoped => quote!(TenantScoped),
                Role::Shared => quote!(TenantShared),
            };
            quote! {
                #[automatically_derived]
                impl ::sea_orm_tenant::__private::TenantDeclared for #entity {}
                #[automatically_derived]
                impl ::sea_orm_tenant::__private::#role for #entity {}
            }
        }
        Subject::Relations { relations, .. } => quote! {
            #[automatically_derived]
            impl ::sea_orm_tenant::__private::TenantRelations for #relations {}
        },
        Subject::Nothing => TokenStream::new(),
    }
}

/// An entity needs checked relations, and they need an entity of the same kind: the relations of a
/// shared entity are held to a stricter rule.
fn subject_check(role: Role, subject: &Subject, name: &Ident) -> Option<TokenStream> {
    let span = name.span();
    Some(match (subject, role) {
        (Subject::Entity(entity), _) => assertion(
            &quote_spanned!(span=> assert_relations_checked),
            &quote_spanned! {span=>
                <#entity as ::sea_orm_tenant::__private::EntityTrait>::Relation
            },
        ),
        (Subject::Relations { entity, .. }, Role::Scoped) => assertion(
            &quote_spanned!(span=> assert_scoped_owner),
            &Ident::new(&entity.to_string(), span),
        ),
        (Subject::Relations { entity, .. }, Role::Shared) => assertion(
            &quote_spanned!(span=> assert_shared_owner),
            &Ident::new(&entity.to_string(), span),
        ),
        (Subject::Nothing, _) => return None,
    })
}

/// Compiles if `ty` passes the check, and else reports an error where `ty` is written.
fn assertion(check: &TokenStream, ty: &impl ToTokens) -> TokenStream {
    let span = ty.span();
    quote_spanned! {span=>
        const _: () = {
            ::sea_orm_tenant::__private::#check::<#ty>();
        };
    }
}
