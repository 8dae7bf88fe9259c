use syn::{Data, DeriveInput, Fields, Generics, Ident, Type};

use super::attributes::{self, Entry};
use crate::errors::Errors;

/// The item that has the derive, and what is unreadable in it.
pub(super) struct Item {
    pub(super) name: Ident,
    pub(super) generics: Generics,
    pub(super) entries: Vec<Entry>,
    pub(super) kind: Kind,
    /// Whether all attributes could be read: else there is no telling what is missing.
    pub(super) readable: bool,
    pub(super) errors: Errors,
}

/// What SeaORM takes the item for.
pub(super) enum Kind {
    /// `struct Model`, which SeaORM generates an `Entity` for.
    Model(Vec<Field>),
    /// `struct ModelEx`, which `#[sea_orm::model]` makes of the model: it has the relations.
    ModelEx(Vec<Field>),
    /// `struct Entity`, in the expanded form.
    Entity,
    /// `enum Relation`.
    Relation(Vec<Variant>),
    /// Anything else.
    Other,
}

pub(super) struct Field {
    pub(super) ty: Type,
    pub(super) entries: Vec<Entry>,
}

pub(super) struct Variant {
    pub(super) name: Ident,
    pub(super) entries: Vec<Entry>,
}

pub(super) fn parse(item: DeriveInput) -> Item {
    let mut errors = Errors::default();
    let entries = attributes::sea_orm(&item.attrs, &mut errors);
    let kind = kind(&item.ident, item.data, &entries, &mut errors);
    Item {
        name: item.ident,
        generics: item.generics,
        entries,
        kind,
        readable: errors.is_empty(),
        errors,
    }
}

/// SeaORM fixes the names `Model` and `ModelEx`; the derives next to ours are not to be seen.
fn kind(name: &Ident, data: Data, entries: &[Entry], errors: &mut Errors) -> Kind {
    let has = |key| entries.iter().any(|entry| entry.is(key));
    match data {
        // An `ActiveEnum` is a column's type.
        Data::Enum(_) if has("rs_type") || has("db_type") => Kind::Other,
        Data::Enum(data) => Kind::Relation(
            data.variants
                .into_iter()
                .map(|variant| Variant {
                    entries: attributes::sea_orm(&variant.attrs, errors),
                    name: variant.ident,
                })
                .collect(),
        ),
        Data::Struct(data) => match data.fields {
            Fields::Unit => Kind::Entity,
            _ if name == "Entity" => Kind::Entity,
            Fields::Named(fields) if name == "ModelEx" => {
                Kind::ModelEx(self::fields(fields, errors))
            }
            Fields::Named(fields) if name == "Model" => Kind::Model(self::fields(fields, errors)),
            Fields::Named(_) | Fields::Unnamed(_) => Kind::Other,
        },
        Data::Union(_) => Kind::Other,
    }
}

fn fields(fields: syn::FieldsNamed, errors: &mut Errors) -> Vec<Field> {
    let fields = fields.named.into_iter();
    fields
        .map(|field| Field {
            entries: attributes::sea_orm(&field.attrs, errors),
            ty: field.ty,
        })
        .collect()
}
