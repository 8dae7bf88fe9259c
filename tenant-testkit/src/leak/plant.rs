//! Rows that can be recognised, made from what SeaORM knows of an entity's columns.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityName, EntityTrait, IdenStatic as _,
    Iterable as _, PrimaryKeyToColumn as _, RelationTrait as _,
    sea_query::{
        ColumnType, Expr, InsertStatement, Query, SchemaName, StringLen, TableName, TableRef,
    },
};
use tenant_core::{TenantConnection, TenantSchemaBuilder, TenantScoped};

use super::marks::{Mark, PlantedRow};
use crate::TestkitError;

/// An entity, as a value.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) register: fn(TenantSchemaBuilder) -> TenantSchemaBuilder,
    insert: fn(&PlantedRow, DbBackend, &Values) -> Result<InsertStatement, TestkitError>,
}

/// What columns have instead of what they would be planted with: an SQL expression, by table and
/// column.
pub(super) type Values = HashMap<(String, String), String>;

impl Table {
    pub(super) fn of<E: TenantScoped>() -> Self {
        Self {
            name: E::default().table_name().to_owned(),
            register: |builder| builder.register(E::default()),
            insert: insert::<E>,
        }
    }

    /// Plants an owner's rows.
    pub(super) async fn plant<C: ConnectionTrait>(
        &self,
        db: &TenantConnection<C>,
        mark: &Mark,
        values: &Values,
    ) -> Result<(), TestkitError> {
        for row in mark.rows() {
            let insert = (self.insert)(&row, db.get_database_backend(), values)?;
            db.execute(&insert)
                .await
                .map_err(TestkitError::database(format!(
                    "plant a row in {} (name tables after those that they refer to, and say with \
                     `.value(..)` what a column takes)",
                    self.name
                )))?;
        }
        Ok(())
    }
}

/// The key that a column has in [`Values`].
pub(super) fn key<C: ColumnTrait>(column: C) -> (String, String) {
    (
        C::EntityName::default().table_name().to_owned(),
        column.as_str().to_owned(),
    )
}

fn insert<E: TenantScoped>(
    row: &PlantedRow,
    backend: DbBackend,
    values: &Values,
) -> Result<InsertStatement, TestkitError> {
    let entity = E::default();
    let foreign = Foreign::of::<E>();
    let keys: HashSet<&str> = E::PrimaryKey::iter()
        .map(|key| key.into_column().as_str())
        .collect();
    let mut insert = Query::insert();
    insert.into_table(entity.table_ref());
    let mut columns = Vec::new();
    let mut literals = Vec::new();
    for column in E::Column::iter() {
        let name = column.as_str();
        let definition = column.def();
        let planted = if let Some(value) = values.get(&key(column)) {
            Some(value.clone())
        } else if foreign.to_shared.contains(name) {
            None
        } else {
            literal(definition.get_column_type(), row, backend)
        };
        match planted {
            Some(literal) => {
                columns.push(column);
                literals.push(Expr::cust(literal));
            }
            None if definition.is_null() && !keys.contains(name) => {}
            None => {
                return Err(TestkitError::Unplantable {
                    column: format!("{}.{name}", entity.table_name()),
                });
            }
        }
    }
    insert.columns(columns);
    insert.values_panic(literals);
    Ok(insert)
}

/// Columns that refer to tables which are not planted.
struct Foreign {
    to_shared: HashSet<String>,
}

impl Foreign {
    fn of<E: EntityTrait>() -> Self {
        let mut to_shared = HashSet::new();
        for relation in E::Relation::iter() {
            let relation = relation.def();
            // SeaORM's owner is the one that is referred to.
            if !relation.is_owner && !relation.skip_fk && !is_tenants(&relation.to_tbl) {
                to_shared.extend(relation.from_col.iter().map(ToString::to_string));
            }
        }
        Self { to_shared }
    }
}

fn is_tenants(table: &TableRef) -> bool {
    matches!(
        table,
        TableRef::Table(TableName(Some(SchemaName(_, schema)), _), _)
            if schema.to_string() == tenant_core::PLACEHOLDER
    )
}

/// A literal for a column of this type, if we know one. Most are strings, which all servers read as
/// whatever the column is.
fn literal(of: &ColumnType, row: &PlantedRow, backend: DbBackend) -> Option<String> {
    let PlantedRow { text, id, number } = row;
    let fitting = |most: u32| {
        let is_long_enough = usize::try_from(most).is_ok_and(|most| most >= text.len());
        // No mark, but a row that can be planted.
        if is_long_enough {
            format!("'{text}'")
        } else {
            format!("'{number}'")
        }
    };
    Some(match of {
        ColumnType::Char(Some(length)) | ColumnType::String(StringLen::N(length)) => {
            fitting(*length)
        }
        ColumnType::Char(None) => fitting(1),
        ColumnType::String(_) | ColumnType::Text => format!("'{text}'"),
        ColumnType::Integer
        | ColumnType::BigInteger
        | ColumnType::Unsigned
        | ColumnType::BigUnsigned => id.to_string(),
        ColumnType::TinyInteger
        | ColumnType::SmallInteger
        | ColumnType::TinyUnsigned
        | ColumnType::SmallUnsigned
        | ColumnType::Float
        | ColumnType::Double
        | ColumnType::Decimal(_)
        | ColumnType::Money(_) => number.to_string(),
        ColumnType::Boolean => "TRUE".to_owned(),
        ColumnType::Date => "'2001-02-03'".to_owned(),
        ColumnType::Time => "'04:05:06'".to_owned(),
        ColumnType::Year => "2001".to_owned(),
        ColumnType::TimestampWithTimeZone if backend != DbBackend::MySql => {
            "'2001-02-03 04:05:06+00:00'".to_owned()
        }
        ColumnType::DateTime | ColumnType::Timestamp | ColumnType::TimestampWithTimeZone => {
            "'2001-02-03 04:05:06'".to_owned()
        }
        ColumnType::Json | ColumnType::JsonBinary => format!("'{{\"mark\": \"{text}\"}}'"),
        ColumnType::Uuid => uuid(*id, backend),
        ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) => match backend {
            DbBackend::Postgres => format!("'{text}'"),
            _ => format!("X'{}'", hexadecimal(text)),
        },
        ColumnType::Enum { variants, .. } => format!("'{}'", variants.first()?),
        ColumnType::Array(_) if backend == DbBackend::Postgres => "'{}'".to_owned(),
        _ => return None,
    })
}

/// Its last group, as digits, is the id.
fn uuid(id: i64, backend: DbBackend) -> String {
    match backend {
        DbBackend::Postgres => format!("'00000000-0000-4000-8000-{id:012}'"),
        _ => format!("X'00000000000040008000{id:012}'"),
    }
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(of: &ColumnType, backend: DbBackend) -> Option<String> {
        let row = PlantedRow {
            text: "lk0007azr0".to_owned(),
            id: 920_000_001,
            number: 3,
        };
        literal(of, &row, backend)
    }

    #[test]
    fn marks_are_planted_where_they_fit() {
        let long = ColumnType::String(StringLen::N(10));
        let short = ColumnType::String(StringLen::N(9));
        let planted = |of: &ColumnType| planted(of, DbBackend::Postgres).unwrap_or_default();
        assert_eq!(planted(&long), "'lk0007azr0'");
        assert_eq!(planted(&short), "'3'");
        assert_eq!(planted(&ColumnType::Text), "'lk0007azr0'");
        assert_eq!(planted(&ColumnType::Json), r#"'{"mark": "lk0007azr0"}'"#);
    }

    #[test]
    fn an_uuid_ends_in_the_id() {
        let on_postgres = planted(&ColumnType::Uuid, DbBackend::Postgres);
        assert_eq!(
            on_postgres.as_deref(),
            Some("'00000000-0000-4000-8000-000920000001'")
        );
        let on_sqlite = planted(&ColumnType::Uuid, DbBackend::Sqlite);
        assert_eq!(
            on_sqlite.as_deref(),
            Some("X'00000000000040008000000920000001'")
        );
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        assert_eq!(planted(&ColumnType::Inet, DbBackend::Postgres), None);
    }
}
