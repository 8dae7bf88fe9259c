use proc_macro2::Span;
use syn::{Error, Expr, Ident};

use super::{
    Role,
    attributes::{Entry, Value},
    parse::{Field, Item, Kind},
    relations::{self, Target},
};
use crate::errors::Errors;

/// An item that may be declared.
pub(super) struct Validated {
    pub(super) subject: Subject,
    pub(super) targets: Vec<Target>,
    /// The item's name, for errors about the item as a whole.
    pub(super) name: Ident,
}

/// What the item declares.
pub(super) enum Subject {
    /// Where this entity lives.
    Entity(Ident),
    /// That these relations, of this entity, were checked.
    Relations { relations: Ident, entity: Ident },
    /// Nothing: the relations are declared by the `Relation` enum.
    Nothing,
}

/// An item with mistakes, and what to declare for it nevertheless.
pub(super) struct Invalid {
    pub(super) subject: Option<Subject>,
    pub(super) error: Error,
}

pub(super) fn validate(role: Role, item: Item) -> Result<Validated, Invalid> {
    let Item {
        name,
        generics,
        entries,
        kind,
        readable,
        mut errors,
    } = item;
    if !generics.params.is_empty() {
        // Nothing is declared: the declarations would have to be generic, too.
        let error = Error::new_spanned(
            &generics,
            format!(
                "`{}` is for entities, which have no generic parameters",
                role.name()
            ),
        );
        return Err(Invalid {
            subject: None,
            error,
        });
    }
    let mut targets = Vec::new();
    let subject = match kind {
        Kind::Model(fields) => {
            if readable {
                check_names(role, &name, &entries, &mut errors);
            }
            check_strings(role, &entries, &fields, &mut errors);
            targets = relations::of_fields(&fields, &mut errors);
            Some(Subject::Entity(here("Entity")))
        }
        Kind::Entity => {
            if readable {
                check_names(role, &name, &entries, &mut errors);
            }
            check_strings(role, &entries, &[], &mut errors);
            Some(Subject::Entity(name.clone()))
        }
        Kind::ModelEx(fields) => {
            targets = relations::of_fields(&fields, &mut errors);
            let compact = entries.iter().any(|entry| entry.is("compact_model"));
            Some(if compact {
                Subject::Nothing
            } else {
                Subject::Relations {
                    relations: here("Relation"),
                    entity: here("Entity"),
                }
            })
        }
        Kind::Relation(variants) => {
            if readable {
                targets = relations::of_variants(&variants, &mut errors);
            }
            Some(Subject::Relations {
                relations: name.clone(),
                entity: entity(&entries, &mut errors),
            })
        }
        Kind::Other => {
            let message = format!(
                "`{}` is derived on a SeaORM `Model`, or in the expanded form on `Entity`, \
                 and on a hand-written `enum Relation`",
                role.name()
            );
            errors.at(&name, message);
            None
        }
    };
    match (errors.into_result(), subject) {
        (Ok(()), Some(subject)) => Ok(Validated {
            subject,
            targets,
            name,
        }),
        (Ok(()), None) => Err(Invalid {
            subject: None,
            error: Error::new_spanned(name, "this item is not a SeaORM entity"),
        }),
        (Err(error), subject) => Err(Invalid { subject, error }),
    }
}

fn here(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

/// The table's name and schema, as `DeriveEntityModel` and `DeriveEntity` take them from the
/// attribute.
fn check_names(role: Role, name: &Ident, entries: &[Entry], errors: &mut Errors) {
    let table = only("table_name", entries, errors);
    let schema = only("schema_name", entries, errors);
    if let Some(schema) = schema {
        check_schema(role, schema, errors);
    }
    match table {
        Some(table) if table.string().is_none() => {
            errors.at(table, "expected a string, such as `table_name = \"book\"`");
        }
        Some(table) if role == Role::Scoped && schema.is_none() => errors.at(
            table,
            "a tenant-scoped entity needs `schema_name = \"$tenant\"` next to its table's name; \
             without it, all tenants would share this table",
        ),
        Some(_) => {}
        None => {
            let missing = match (role, schema) {
                (Role::Scoped, None) => {
                    "#[sea_orm(table_name = \"..\", schema_name = \"$tenant\")]"
                }
                _ => "#[sea_orm(table_name = \"..\")]",
            };
            errors.at(
                name,
                format!(
                    "`{}` needs `{missing}` on this item: it cannot see an `EntityName` \
                     that is implemented by hand",
                    role.name()
                ),
            );
        }
    }
}

/// The entry with this key. SeaORM's derives do not agree on which one counts if there are several.
fn only<'a>(key: &str, entries: &'a [Entry], errors: &mut Errors) -> Option<&'a Entry> {
    let mut entries = entries.iter().filter(|entry| entry.is(key));
    let first = entries.next();
    for again in entries {
        errors.at(again, format!("`{key}` is given twice"));
    }
    first
}

fn check_schema(role: Role, schema: &Entry, errors: &mut Errors) {
    match (role, schema.string()) {
        (_, None) => errors.at(
            schema,
            "expected a string, such as `schema_name = \"$tenant\"`",
        ),
        (Role::Scoped, Some(name)) if name.value() != PLACEHOLDER => errors.at(
            name,
            "a tenant-scoped entity has `schema_name = \"$tenant\"`; \
             if all tenants share this table, derive `TenantShared` instead",
        ),
        // A shared entity's strings are checked below, all of them.
        (Role::Scoped | Role::Shared, Some(_)) => {}
    }
}

const PLACEHOLDER: &str = "$tenant";

/// Nothing of a shared entity may be in a tenant's schema. A `comment` is not in any schema.
fn check_strings(role: Role, entries: &[Entry], fields: &[Field], errors: &mut Errors) {
    if role != Role::Shared {
        return;
    }
    let entries = entries
        .iter()
        .chain(fields.iter().flat_map(|field| &field.entries));
    for text in entries
        .filter(|entry| !entry.is("comment"))
        .flat_map(Entry::strings)
    {
        if text.value().contains(PLACEHOLDER) {
            errors.at(
                text,
                "a shared entity is the same for all tenants, and `$tenant` is another schema for \
                 each: derive `TenantScoped` instead, or name the one schema that all tenants share",
            );
        }
    }
}

/// The entity that a `Relation` enum belongs to.
fn entity(entries: &[Entry], errors: &mut Errors) -> Ident {
    let named = only("entity", entries, errors);
    let Some(entry) = named else {
        return here("Entity");
    };
    match &entry.value {
        Value::Assigned(_, Expr::Path(path)) => path.path.get_ident().cloned(),
        _ => None,
    }
    .unwrap_or_else(|| {
        errors.at(
            entry,
            "expected the name of the entity, such as `entity = Entity`",
        );
        here("Entity")
    })
}
