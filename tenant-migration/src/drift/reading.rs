use std::collections::BTreeMap;

use sea_orm::{DbBackend, DbErr};
use serde::Deserialize;
use tenant_core::SchemaName;

use super::{
    key::{ObjectKey, ObjectKind},
    placeholder::Placeholder,
    structure::{OWNER, Structure},
};

/// An object as a catalogue query tells it: its kind, the table that it is a part of, its name, and
/// its properties, of which those that are null are not there.
#[derive(Debug, Deserialize)]
pub(super) struct FoundObject(
    pub(super) ObjectKind,
    pub(super) Option<String>,
    pub(super) String,
    pub(super) BTreeMap<String, Option<String>>,
);

/// Properties of which each row of an object tells one item.
const LISTS: [&str; 3] = ["columns", "referenced columns", "arguments"];

/// Puts together what was found, with `$tenant` in the place of the schema's name.
pub(super) fn assemble(
    backend: DbBackend,
    schema: &SchemaName,
    found: Vec<FoundObject>,
) -> Structure {
    let names = found
        .iter()
        .filter(|FoundObject(_, table, ..)| table.is_none())
        .map(|FoundObject(_, _, name, _)| name.split('(').next().unwrap_or(name).to_owned());
    let placeholder = Placeholder::new(backend, schema.as_str(), names);
    let mut structure = Structure::default();
    for FoundObject(kind, table, name, properties) in found {
        // PostgreSQL's routines are called with the types of their arguments.
        let name = match kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                placeholder.put_into(&name)
            }
            _ => name,
        };
        let object = structure.object(ObjectKey { kind, table, name });
        for (property, value) in properties {
            let Some(value) = value.filter(|value| !value.is_empty()) else {
                continue;
            };
            let value = match property.as_str() {
                OWNER => value,
                _ => placeholder.put_into(&value),
            };
            let is_list = LISTS.contains(&property.as_str());
            match object.get_mut(&property) {
                Some(list) if is_list => {
                    list.push_str(", ");
                    list.push_str(&value);
                }
                _ => {
                    object.insert(property, value);
                }
            }
        }
    }
    structure
}

pub(super) fn no_such_schema(schema: &SchemaName) -> DbErr {
    DbErr::RecordNotFound(format!("there is no schema \"{schema}\" to compare"))
}
