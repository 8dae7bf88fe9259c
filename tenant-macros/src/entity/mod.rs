//! `#[derive(TenantScoped)]` and `#[derive(TenantShared)]`.

mod attributes;
mod expand;
mod parse;
mod relations;
mod role;
mod validate;

use proc_macro2::TokenStream;

pub(crate) use self::role::Role;
use self::validate::Invalid;

/// The declarations and checks for one item; or, when something is wrong with it, all that is
/// wrong, and the declarations alone, so that other entities get no errors about this one.
pub(crate) fn derive(role: Role, item: TokenStream) -> TokenStream {
    let item = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => return error.into_compile_error(),
    };
    match validate::validate(role, parse::parse(item)) {
        Ok(validated) => expand::expand(role, validated),
        Err(Invalid { subject, error }) => {
            let mut expanded = error.into_compile_error();
            expanded.extend(subject.map(|subject| expand::declarations(role, &subject)));
            expanded
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;
    use crate::testing::messages;

    fn scoped(item: TokenStream) -> (Vec<String>, String) {
        let expanded = derive(Role::Scoped, item);
        (messages(expanded.clone()), expanded.to_string())
    }

    #[test]
    fn a_malformed_attribute_is_reported_and_nothing_else() {
        for attribute in [
            quote!(#[sea_orm]),
            quote!(#[sea_orm = "book"]),
            quote!(#[sea_orm(table_name = "book", schema_name "$tenant")]),
            quote!(#[sea_orm(table_name = "book",, schema_name = "$tenant")]),
            quote!(#[sea_orm("book")]),
            quote!(#[sea_orm(table_name = "book", schema_name =)]),
        ] {
            let (messages, expanded) = scoped(quote!(#attribute struct Model { id: i32 }));
            assert_eq!(messages.len(), 1, "{attribute}: {messages:?}");
            assert!(messages[0].contains("expected"), "{messages:?}");
            assert!(expanded.contains("TenantScoped for Entity"), "{expanded}");
            let (messages, expanded) = scoped(quote!(enum Relation { #attribute Author }));
            assert!(
                expanded.contains("TenantRelations for Relation"),
                "{expanded}"
            );
            assert_eq!(messages.len(), 1, "{attribute}: {messages:?}");
        }
    }

    #[test]
    fn a_name_that_is_no_string_is_reported() {
        let (messages, _) = scoped(quote! {
            #[sea_orm(table_name = BOOK, schema_name = 1)]
            struct Model { id: i32 }
        });
        assert_eq!(
            messages,
            [
                "expected a string, such as `schema_name = \"$tenant\"`",
                "expected a string, such as `table_name = \"book\"`",
            ]
        );
    }

    #[test]
    fn all_mistakes_of_an_item_are_reported_together() {
        let (messages, expanded) = scoped(quote! {
            #[sea_orm(table_name = "book", schema_name = "public")]
            #[sea_orm(schema_name = "other")]
            struct Model {
                id: i32,
                author: HasOne<Option<super::author::Entity>, 1>,
                editor: HasOne,
                #[sea_orm(via = 1)]
                tags: HasMany<super::tag::Entity>,
            }
        });
        assert_eq!(messages.len(), 5, "{messages:#?}");
        assert!(expanded.contains("TenantDeclared for Entity"));
        assert!(!expanded.contains("assert_declared"));
    }

    #[test]
    fn keys_of_sea_orm_are_left_to_sea_orm() {
        let (messages, expanded) = scoped(quote! {
            #[sea_orm(table_name = "book", table_iden, rename_all = "camelCase")]
            #[sea_orm(schema_name = "$tenant", model_attrs(serde(rename = "x")), type = -1)]
            #[serde(anything goes)]
            struct Model {
                #[sea_orm(primary_key, auto_increment = false, default_expr = "Expr::cust(\"1\")")]
                id: i32,
            }
        });
        assert!(messages.is_empty(), "{messages:?}");
        assert!(expanded.contains("TenantScoped for Entity"));
    }

    #[test]
    fn every_spelling_of_a_relation_is_found() {
        let (messages, expanded) = scoped(quote! {
            struct ModelEx {
                scalar: Vec<Entity>,
                a: BelongsTo<super::a::Entity>,
                b: BelongsTo<Option<super::b::Entity>>,
                c: sea_orm::prelude::BelongsTo<core::option::Option<super::c::Entity>>,
                d: HasOne<super::d::Entity>,
                e: sea_orm::entity::prelude::HasMany<super::e::Entity>,
                #[sea_orm(has_many, via = "g")]
                f: HasMany<super::f::Entity>,
                #[sea_orm(self_ref, via = "h::Other", from = "x", to = "y")]
                own: HasMany<Entity>,
            }
        });
        assert!(messages.is_empty(), "{messages:?}");
        for entity in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            let check = format!("assert_declared :: < super :: {entity} :: Entity >");
            assert!(expanded.contains(&check), "{entity}: {expanded}");
        }
        assert!(expanded.contains("assert_declared :: < Entity >"));
        assert_eq!(expanded.matches("assert_declared").count(), 9);
        assert!(expanded.contains("TenantRelations for Relation"));
        assert!(!expanded.contains("TenantScoped for"));
    }

    #[test]
    fn a_compact_model_leaves_the_relations_to_their_enum() {
        let (messages, expanded) = scoped(quote! {
            #[sea_orm(compact_model)]
            struct ModelEx { a: HasOne<super::a::Entity> }
        });
        assert!(messages.is_empty(), "{messages:?}");
        assert!(!expanded.contains("TenantRelations"));
        assert!(expanded.contains("assert_declared :: < super :: a :: Entity >"));
    }
}
