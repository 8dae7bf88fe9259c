use std::collections::{BTreeMap, BTreeSet};

use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use tenant_core::SchemaName;

use super::{
    key::{ObjectKey, ObjectKind},
    mysql, postgres, sqlite,
};

/// The structure of one schema: its objects and their properties, as the catalogue tells them.
///
/// The schema's own name reads `$tenant` in it; names of other schemas stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    pub(super) objects: BTreeMap<ObjectKey, Properties>,
}

/// By name; what an object does not have is not there.
pub(super) type Properties = BTreeMap<String, String>;

/// The column that a sequence belongs to, as `table.column`. Without quotes: it is compared, and no
/// SQL.
pub(super) const OWNER: &str = "owner column";

/// The table that a table is a partition of, and its share of it. Its columns, keys and indexes are
/// then that table's, and are not read.
pub(super) const PARTITION_BOUND: &str = "partition bound";

impl Structure {
    /// Reads the structure of `schema` from the catalogue, without the tables named in `leave_out`
    /// and what belongs to them (the table of migrations, for one).
    ///
    /// It takes no more than a dozen statements however many tables there are, and one on
    /// PostgreSQL. The connection may have any search path, may be a pool or a transaction, and is
    /// left as it was. It has to be a plain one: a `TenantConnection` refuses catalogue queries.
    ///
    /// # Errors
    ///
    /// [`DbErr::RecordNotFound`] when there is no such schema; else what the database says. On
    /// MySQL a user without the privilege to see a routine's body reads none, and is not told.
    pub async fn read<C: ConnectionTrait>(
        db: &C,
        schema: &SchemaName,
        leave_out: &[&str],
    ) -> Result<Self, DbErr> {
        let mut structure = match db.get_database_backend() {
            DbBackend::Postgres => postgres::read(db, schema).await?,
            DbBackend::MySql => mysql::read(db, schema).await?,
            DbBackend::Sqlite => sqlite::read(db, schema).await?,
            other => {
                return Err(DbErr::BackendNotSupported {
                    db: other.as_str(),
                    ctx: "reading the structure of a schema",
                });
            }
        };
        structure.leave_out(leave_out);
        Ok(structure)
    }

    /// Whether the schema holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// An object's properties, to add to; an object that is new has none yet.
    pub(super) fn object(&mut self, key: ObjectKey) -> &mut Properties {
        self.objects.entry(key).or_default()
    }

    fn leave_out(&mut self, tables: &[&str]) {
        let columns: BTreeSet<String> = self
            .columns()
            .filter(|(table, _)| tables.contains(table))
            .map(|(table, column)| format!("{table}.{column}"))
            .collect();
        self.objects.retain(|key, properties| {
            let relation = match &key.table {
                Some(table) => Some(table),
                None => key.kind.is_relation().then_some(&key.name),
            };
            let is_part = relation.is_some_and(|relation| tables.contains(&relation.as_str()));
            let is_owned = properties
                .get(OWNER)
                .is_some_and(|column| columns.contains(column));
            !is_part && !is_owned
        });
    }

    /// The columns of all tables, with their tables.
    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, &str)> {
        self.objects.keys().filter_map(|key| match key {
            ObjectKey {
                kind: ObjectKind::Column,
                table: Some(table),
                name,
            } => Some((table.as_str(), name.as_str())),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_left_out_takes_its_parts_along() {
        let mut structure = Structure::default();
        for table in ["book", "seaql_migrations"] {
            structure.object(ObjectKey::whole(ObjectKind::Table, table));
            structure.object(ObjectKey::part_of(ObjectKind::Column, table, "id"));
            structure.object(ObjectKey::part_of(ObjectKind::Constraint, table, "key"));
            structure
                .object(ObjectKey::whole(
                    ObjectKind::Sequence,
                    format!("{table}_id_seq"),
                ))
                .insert(OWNER.to_owned(), format!("{table}.id"));
        }
        // Of the same name, and no table.
        structure.object(ObjectKey::whole(ObjectKind::Type, "seaql_migrations"));
        structure.leave_out(&["seaql_migrations"]);
        let left: Vec<&str> = structure
            .objects
            .keys()
            .map(|key| key.name.as_str())
            .collect();
        assert_eq!(
            left,
            ["book", "id", "key", "book_id_seq", "seaql_migrations"]
        );
    }
}
