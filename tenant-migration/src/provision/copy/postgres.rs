use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, Statement, Value};
use tenant_core::{ConnectionInfo, TenantError};

use crate::MigrationError;

/// All tables, those that others refer to first; and where their sequences stand.
pub(super) async fn copy(
    tx: &DatabaseTransaction,
    from: &ConnectionInfo,
    to: &ConnectionInfo,
) -> Result<(), MigrationError> {
    let source = from.schema().quoted(DbBackend::Postgres);
    let target = to.schema().quoted(DbBackend::Postgres);
    let schema = from.schema().as_str();
    let tables = in_order(tables(tx, schema).await?)?;
    if tables.is_empty() {
        return Ok(());
    }
    let list = |schema: &str| {
        let names = tables
            .iter()
            .map(|table| format!("{schema}.{}", table.quoted));
        names.collect::<Vec<_>>().join(", ")
    };
    // A policy of the tables would hide rows from their owner, too: that is an error with this.
    tx.execute_unprepared("SET LOCAL row_security = off")
        .await?;
    // Nobody writes until the end, so that all are of one moment.
    tx.execute_unprepared(&format!("LOCK TABLE {} IN SHARE MODE", list(&source)))
        .await?;
    // What migrations wrote is among what is copied.
    tx.execute_unprepared(&format!("TRUNCATE {}", list(&target)))
        .await?;
    let triggers = triggers(tx, to.schema().as_str()).await?;
    for Trigger { table, name, .. } in &triggers {
        let disable = format!("ALTER TABLE {target}.{table} DISABLE TRIGGER {name}");
        tx.execute_unprepared(&disable).await?;
    }
    for Table {
        quoted: table,
        columns,
        only,
        ..
    } in &tables
    {
        let copy = format!(
            "INSERT INTO {target}.{table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {only} {source}.{table}"
        );
        tx.execute_unprepared(&copy).await?;
    }
    if !triggers.is_empty() {
        // What is checked at the end is checked now: a table with checks to come is not altered.
        tx.execute_unprepared("SET CONSTRAINTS ALL IMMEDIATE")
            .await?;
    }
    for Trigger {
        table,
        name,
        enable,
    } in &triggers
    {
        let enable = format!("ALTER TABLE {target}.{table} {enable} TRIGGER {name}");
        tx.execute_unprepared(&enable).await?;
    }
    let sequences = "SELECT pg_catalog.quote_ident(sequencename) FROM pg_catalog.pg_sequences WHERE schemaname = $1";
    for sequence in names(tx, sequences, schema).await? {
        let set = format!(
            "SELECT pg_catalog.setval('{}.{}'::regclass, last_value, is_called) FROM {source}.{sequence}",
            target.replace('\'', "''"),
            sequence.replace('\'', "''"),
        );
        tx.execute_unprepared(&set).await?;
    }
    Ok(())
}

struct Table {
    name: String,
    quoted: String,
    /// Those that are not generated.
    columns: String,
    /// `ONLY`, where a table's rows are not those of the tables that inherit from it, which are copied
    /// by themselves. Those of a partitioned one are its partitions'.
    only: &'static str,
    /// The tables that it refers to, but for itself.
    refers_to: Vec<String>,
}

/// Without partitions, whose rows are their table's, and without tables of extensions and views.
async fn tables(tx: &DatabaseTransaction, schema: &str) -> Result<Vec<Table>, DbErr> {
    let select = "SELECT c.relname::text, pg_catalog.quote_ident(c.relname), \
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) \
          FROM pg_catalog.pg_attribute a \
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), \
         c.relkind = 'r', \
         COALESCE((SELECT pg_catalog.string_agg(r.relname, E'\\n') FROM pg_catalog.pg_constraint k \
          JOIN pg_catalog.pg_class r ON r.oid = k.confrelid AND r.relnamespace = c.relnamespace \
          WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid), '') \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
         ORDER BY c.relname";
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [Value::from(schema)]);
    let rows = tx.query_all_raw(select).await?;
    rows.iter()
        .map(|row| {
            let refers_to: String = row.try_get_by_index(4)?;
            Ok(Table {
                name: row.try_get_by_index(0)?,
                quoted: row.try_get_by_index(1)?,
                columns: row
                    .try_get_by_index::<Option<String>>(2)?
                    .unwrap_or_default(),
                only: match row.try_get_by_index(3)? {
                    true => "ONLY",
                    false => "",
                },
                refers_to: refers_to.lines().map(str::to_owned).collect(),
            })
        })
        .collect()
}

/// A trigger that would run, and how it is made to run again.
struct Trigger {
    table: String,
    name: String,
    enable: &'static str,
}

/// Those of partitions come after their table's, with which they change.
async fn triggers(tx: &DatabaseTransaction, schema: &str) -> Result<Vec<Trigger>, DbErr> {
    let select = "SELECT pg_catalog.quote_ident(c.relname), pg_catalog.quote_ident(t.tgname), t.tgenabled::text \
         FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT t.tgisinternal AND t.tgenabled <> 'D' \
         ORDER BY c.relispartition, c.relkind = 'r', c.relname, t.tgname";
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [Value::from(schema)]);
    let rows = tx.query_all_raw(select).await?;
    rows.iter()
        .map(|row| {
            let enabled: String = row.try_get_by_index(2)?;
            Ok(Trigger {
                table: row.try_get_by_index(0)?,
                name: row.try_get_by_index(1)?,
                enable: match enabled.as_str() {
                    "A" => "ENABLE ALWAYS",
                    "R" => "ENABLE REPLICA",
                    _ => "ENABLE",
                },
            })
        })
        .collect()
}

async fn names(tx: &DatabaseTransaction, select: &str, schema: &str) -> Result<Vec<String>, DbErr> {
    let select = Statement::from_sql_and_values(DbBackend::Postgres, select, [Value::from(schema)]);
    let rows = tx.query_all_raw(select).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// Each after those that it refers to.
fn in_order(mut tables: Vec<Table>) -> Result<Vec<Table>, TenantError> {
    let mut ordered: Vec<Table> = Vec::with_capacity(tables.len());
    while !tables.is_empty() {
        let before = tables.len();
        let waiting: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
        let (ready, rest): (Vec<_>, Vec<_>) = tables
            .into_iter()
            .partition(|table| !table.refers_to.iter().any(|other| waiting.contains(other)));
        ordered.extend(ready);
        tables = rest;
        if tables.len() == before {
            return Err(TenantError::Unsupported {
                operation: "copying the rows of tables that refer to each other in a circle",
                backend: "PostgreSQL",
                instead: "copy the structure, and the rows with pg_dump and pg_restore --disable-triggers",
            });
        }
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, refers_to: &[&str]) -> Table {
        Table {
            name: name.to_owned(),
            quoted: name.to_owned(),
            columns: String::new(),
            only: "",
            refers_to: refers_to.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn those_that_are_referred_to_come_first() {
        let tables = vec![
            table("a", &["c", "b"]),
            table("b", &["c"]),
            table("c", &[]),
            table("d", &["a"]),
        ];
        let ordered = in_order(tables).unwrap();
        let names: Vec<_> = ordered.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["c", "b", "a", "d"]);
        assert!(in_order(vec![table("a", &["b"]), table("b", &["a"])]).is_err());
    }
}
