//! Which entities the relations of an item name, in the spellings that SeaORM understands.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{
    GenericArgument, Path, PathArguments, PathSegment, Type, TypePath, parse::Parse,
    spanned::Spanned as _,
};

use super::{
    attributes::Entry,
    parse::{Field, Variant},
};
use crate::errors::Errors;

/// A path to another entity, as it was written.
pub(super) struct Target(TypePath);

impl ToTokens for Target {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// The targets of the relation fields of a model.
pub(super) fn of_fields(fields: &[Field], errors: &mut Errors) -> Vec<Target> {
    let mut targets = Vec::new();
    for field in fields {
        let Type::Path(ty) = &field.ty else { continue };
        let Some(wrapper) = ty.path.segments.last() else {
            continue;
        };
        let target = match wrapper.ident.to_string().as_str() {
            "BelongsTo" => only_argument(wrapper).map(|ty| optional(ty).unwrap_or(ty)),
            "HasOne" | "HasMany" => only_argument(wrapper),
            _ => continue,
        };
        match target {
            Some(entity) => targets.push(Target(entity.clone())),
            None => errors.at(ty, "cannot tell which entity this relation is to"),
        }
        let via = field.entries.iter().filter(|entry| entry.is("via"));
        targets.extend(via.filter_map(|via| junction(via, errors)));
    }
    targets
}

/// The targets of the variants of a `Relation` enum: each names at least one.
pub(super) fn of_variants(variants: &[Variant], errors: &mut Errors) -> Vec<Target> {
    let mut targets = Vec::new();
    for variant in variants {
        let mut named = variant
            .entries
            .iter()
            .filter(|entry| {
                ["belongs_to", "has_one", "has_many"]
                    .map(|key| entry.is(key))
                    .contains(&true)
            })
            .peekable();
        if named.peek().is_none() {
            errors.at(
                &variant.name,
                "which entity is this relation to? Say it in `#[sea_orm(belongs_to = \"..\")]`, \
                 `has_one` or `has_many`, also if `RelationTrait` is implemented by hand",
            );
        }
        targets.extend(
            named
                .filter_map(|entry| path::<TypePath>(entry, errors))
                .map(Target),
        );
    }
    targets
}

/// The entity behind `via = "junction"` or `via = "junction::Relation"`, which SeaORM looks for
/// next to the entity's own module.
fn junction(via: &Entry, errors: &mut Errors) -> Option<Target> {
    let path = path::<Path>(via, errors)?;
    let module = path.segments.first()?;
    let span = module.span();
    let entity = syn::parse2(quote_spanned!(span=> super::#module::Entity));
    errors.keep(entity).map(Target)
}

/// The path in the string that is assigned. Its tokens have the place of the string.
fn path<T: Parse>(entry: &Entry, errors: &mut Errors) -> Option<T> {
    let Some(text) = entry.string() else {
        errors.at(
            entry,
            "expected a path in a string, such as \"super::author::Entity\"",
        );
        return None;
    };
    let path = text.parse();
    if path.is_err() {
        errors.at(text, "expected a path, such as \"super::author::Entity\"");
    }
    path.ok()
}

/// `E` of `Option<E>`.
fn optional(ty: &TypePath) -> Option<&TypePath> {
    let last = ty.path.segments.last()?;
    (last.ident == "Option")
        .then(|| only_argument(last))
        .flatten()
}

fn only_argument(segment: &PathSegment) -> Option<&TypePath> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(Type::Path(ty)) if arguments.args.len() == 1 => Some(ty),
        _ => None,
    }
}
