mod definition;

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, TryGetable};
use tenant_core::SchemaName;

use self::definition::{TableDefinition, normalised};
use super::{
    key::ObjectKind,
    reading::{FoundObject, assemble},
    structure::Structure,
};

/// Reads an SQLite file (`main`), or one that is attached: what the pragmas know, and the rest from
/// the statements that SQLite keeps.
pub(super) async fn read<C: ConnectionTrait>(
    db: &C,
    schema: &SchemaName,
) -> Result<Structure, DbErr> {
    let mut reader = Reader {
        db,
        schema,
        definitions: BTreeMap::new(),
        found: Vec::new(),
    };
    reader.statements().await?;
    reader.tables().await?;
    reader.columns().await?;
    reader.unique_constraints().await?;
    reader.foreign_keys().await?;
    Ok(assemble(DbBackend::Sqlite, schema, reader.found))
}

struct Reader<'a, C> {
    db: &'a C,
    schema: &'a SchemaName,
    definitions: BTreeMap<String, TableDefinition>,
    found: Vec<FoundObject>,
}

impl<C: ConnectionTrait> Reader<'_, C> {
    /// Indexes, views and triggers, which are their statements; and tables' statements for later.
    async fn statements(&mut self) -> Result<(), DbErr> {
        // The one place in a statement that takes no parameter.
        let sql = format!(
            "SELECT type, name, tbl_name, sql FROM {}.sqlite_schema \
             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
            self.schema.quoted(DbBackend::Sqlite)
        );
        let statement = Statement::from_string(DbBackend::Sqlite, sql);
        for row in self.db.query_all_raw(statement).await? {
            let name: String = get(&row, "name")?;
            let sql: String = get(&row, "sql")?;
            let kind: String = get(&row, "type")?;
            let (kind, table) = match kind.as_str() {
                "index" => (ObjectKind::Index, Some(get(&row, "tbl_name")?)),
                "trigger" => (ObjectKind::Trigger, Some(get(&row, "tbl_name")?)),
                "view" => (ObjectKind::View, None),
                _ => {
                    self.checks(&name, &sql);
                    continue;
                }
            };
            self.add(kind, table, name, [("definition", Some(normalised(&sql)))]);
        }
        Ok(())
    }

    /// One without a name is called by what it says.
    fn checks(&mut self, table: &str, sql: &str) {
        let definition = TableDefinition::parse(sql);
        for check in &definition.checks {
            let said = format!("check({})", check.expression);
            let (name, said) = match &check.name {
                Some(name) => (name.clone(), Some(said)),
                None => (said, None),
            };
            let table = Some(table.to_owned());
            self.add(ObjectKind::Constraint, table, name, [("definition", said)]);
        }
        self.definitions.insert(table.to_owned(), definition);
    }

    async fn tables(&mut self) -> Result<(), DbErr> {
        let rows = self
            .rows(
                "SELECT l.name, l.type, l.wr, l.strict, s.sql \
                 FROM pragma_table_list AS l, (SELECT ? AS schema) AS here \
                 LEFT JOIN {schema}.sqlite_schema AS s ON s.type = 'table' AND s.name = l.name \
                 WHERE l.schema = here.schema AND l.type IN ('table', 'virtual') \
                 AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
            )
            .await?;
        for row in rows {
            let kind: String = get(&row, "type")?;
            let is_virtual = kind == "virtual";
            let sql: Option<String> = get(&row, "sql")?;
            let options: Vec<&str> = [("wr", "without rowid"), ("strict", "strict")]
                .into_iter()
                .map(|(column, option)| Ok((get::<i64>(&row, column)? != 0).then_some(option)))
                .collect::<Result<Vec<_>, DbErr>>()?
                .into_iter()
                .flatten()
                .collect();
            let kind = if is_virtual { "virtual" } else { "ordinary" };
            let definition = sql.filter(|_| is_virtual).map(|sql| normalised(&sql));
            let properties = [
                ("kind", Some(kind.to_owned())),
                ("options", Some(options.join(", "))),
                ("definition", definition),
            ];
            self.add(ObjectKind::Table, None, get(&row, "name")?, properties);
        }
        Ok(())
    }

    /// Columns, and the primary keys that they say they are part of.
    async fn columns(&mut self) -> Result<(), DbErr> {
        let rows = self
            .rows(
                "SELECT l.name AS parent, x.name, x.type, x.\"notnull\" AS required, x.dflt_value, \
                 x.pk, x.hidden \
                 FROM (SELECT ? AS schema) AS here, pragma_table_list AS l, \
                 pragma_table_xinfo(l.name, l.schema) AS x \
                 WHERE l.schema = here.schema AND l.type = 'table' \
                 AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
                 ORDER BY l.name, x.pk",
            )
            .await?;
        for row in rows {
            let table: String = get(&row, "parent")?;
            let name: String = get(&row, "name")?;
            let column = self.definitions.get(&table).and_then(|table| {
                let mut columns = table.columns.iter();
                columns.find(|column| column.name.eq_ignore_ascii_case(&name))
            });
            let nullability = match get::<i64>(&row, "required")? {
                0 => "nullable",
                _ => "not null",
            };
            let stored = match get::<i64>(&row, "hidden")? {
                2 => "virtual",
                _ => "stored",
            };
            let default: Option<String> = get(&row, "dflt_value")?;
            let properties = [
                ("type", Some(normalised(&get::<String>(&row, "type")?))),
                ("nullability", Some(nullability.to_owned())),
                ("default", default.map(|default| normalised(&default))),
                (
                    "collation",
                    column.and_then(|column| column.collation.clone()),
                ),
                (
                    "generated expression",
                    column
                        .and_then(|column| column.generated.as_ref())
                        .map(|expression| format!("({expression}) {stored}")),
                ),
                (
                    "extra",
                    column
                        .filter(|column| column.is_autoincrement)
                        .map(|_| "autoincrement".to_owned()),
                ),
            ];
            self.add(
                ObjectKind::Column,
                Some(table.clone()),
                name.clone(),
                properties,
            );
            if get::<i64>(&row, "pk")? > 0 {
                let name_of_key = "primary key".to_owned();
                let properties = [("columns", Some(name))];
                self.add(ObjectKind::Constraint, Some(table), name_of_key, properties);
            }
        }
        Ok(())
    }

    async fn unique_constraints(&mut self) -> Result<(), DbErr> {
        let rows = self
            .rows(
                "SELECT l.name AS parent, i.name, group_concat(x.name, ', ') AS columns \
                 FROM (SELECT ? AS schema) AS here, pragma_table_list AS l, \
                 pragma_index_list(l.name, l.schema) AS i, pragma_index_info(i.name, l.schema) AS x \
                 WHERE l.schema = here.schema AND l.type = 'table' AND i.origin = 'u' \
                 GROUP BY l.name, i.name",
            )
            .await?;
        for row in rows {
            let name = format!("unique({})", get::<String>(&row, "columns")?);
            self.add(ObjectKind::Constraint, Some(get(&row, "parent")?), name, []);
        }
        Ok(())
    }

    async fn foreign_keys(&mut self) -> Result<(), DbErr> {
        let rows = self
            .rows(
                "SELECT l.name AS parent, f.id, group_concat(f.\"from\", ', ') AS columns, \
                 f.\"table\" AS target, group_concat(f.\"to\", ', ') AS referenced, \
                 f.on_update, f.on_delete \
                 FROM (SELECT ? AS schema) AS here, pragma_table_list AS l, \
                 pragma_foreign_key_list(l.name, l.schema) AS f \
                 WHERE l.schema = here.schema AND l.type = 'table' \
                 GROUP BY l.name, f.id",
            )
            .await?;
        for row in rows {
            let table: String = get(&row, "parent")?;
            let columns: String = get(&row, "columns")?;
            let is_deferred = self.definitions.get(&table).is_some_and(|definition| {
                let mut keys = definition.deferred_keys.iter();
                keys.any(|key| key.join(", ").eq_ignore_ascii_case(&columns))
            });
            let target: String = get(&row, "target")?;
            let action = |column: &str| -> Result<Option<String>, DbErr> {
                Ok(Some(get::<String>(&row, column)?.to_lowercase()))
            };
            let properties = [
                ("referenced columns", get(&row, "referenced")?),
                ("on update", action("on_update")?),
                ("on delete", action("on_delete")?),
                (
                    "deferral",
                    is_deferred.then(|| "initially deferred".to_owned()),
                ),
            ];
            let name = format!("foreign key({columns}) to {target}");
            self.add(ObjectKind::Constraint, Some(table), name, properties);
        }
        Ok(())
    }

    /// `?` in the statement is the schema's name as a value, and `{schema}` as an identifier.
    async fn rows(&self, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
        let sql = sql.replace("{schema}", &self.schema.quoted(DbBackend::Sqlite));
        let schema = self.schema.as_str().into();
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, [schema]);
        self.db.query_all_raw(statement).await
    }

    fn add<const N: usize>(
        &mut self,
        kind: ObjectKind,
        table: Option<String>,
        name: String,
        properties: [(&str, Option<String>); N],
    ) {
        let properties = properties.map(|(property, value)| (property.to_owned(), value));
        self.found
            .push(FoundObject(kind, table, name, properties.into()));
    }
}

fn get<T: TryGetable>(row: &QueryResult, column: &str) -> Result<T, DbErr> {
    row.try_get("", column)
}
