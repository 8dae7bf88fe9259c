//! What is in the tables of all owners.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, QueryResult, Statement};

use super::Owner;

/// Rows as text, and how often each is there.
type Rows = BTreeMap<String, i64>;

/// The rows of some tables of some owners at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot(BTreeMap<(Owner, String), Rows>);

/// A connection on which an owner's tables are, and what stands before their names there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) owner: Owner,
    pub(super) db: DatabaseConnection,
    pub(super) schema: String,
}

impl Snapshot {
    pub(super) async fn take<'p>(
        places: impl IntoIterator<Item = &'p Place>,
        tables: &[String],
    ) -> Result<Self, DbErr> {
        let mut snapshot = Self::default();
        for place in places {
            for table in tables {
                let key = (place.owner.clone(), table.clone());
                snapshot.0.insert(key, rows(place, table).await?);
            }
        }
        Ok(snapshot)
    }

    /// What is in `later` and was not here, and the other way round: whose, in which table, and the
    /// row with a sign.
    pub(super) fn changes(&self, later: &Self) -> Vec<(Owner, String, String)> {
        let mut changes = Vec::new();
        let none = Rows::new();
        for (key, before) in &self.0 {
            let after = later.0.get(key).unwrap_or(&none);
            let mut change = |sign, row: &String| {
                changes.push((key.0.clone(), key.1.clone(), format!("{sign} {row}")));
            };
            for row in before
                .keys()
                .filter(|row| after.get(*row) < before.get(*row))
            {
                change('-', row);
            }
            for row in after
                .keys()
                .filter(|row| after.get(*row) > before.get(*row))
            {
                change('+', row);
            }
        }
        changes
    }

    /// All rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&Owner, &str, &str)> {
        self.0.iter().flat_map(|((owner, table), rows)| {
            rows.keys()
                .map(move |row| (owner, table.as_str(), row.as_str()))
        })
    }
}

async fn rows(place: &Place, table: &str) -> Result<Rows, DbErr> {
    let backend = place.db.get_database_backend();
    let schema = &place.schema;
    let columns = match backend {
        DbBackend::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
        _ => format!(
            "SELECT CAST(column_name AS CHAR(64)) FROM information_schema.columns \
             WHERE table_schema = '{schema}' AND table_name = '{table}' ORDER BY ordinal_position"
        ),
    };
    let quote = |name: &str| match backend {
        DbBackend::MySql => format!("`{name}`"),
        _ => format!("\"{name}\""),
    };
    let text = if backend == DbBackend::MySql {
        "CHAR"
    } else {
        "TEXT"
    };
    let columns: Vec<_> = texts(&place.db, columns)
        .await?
        .iter()
        .map(|column| format!("COALESCE(CAST({} AS {text}), 'NULL')", quote(column.trim())))
        .collect();
    let row = match backend {
        DbBackend::MySql => format!("CONCAT_WS(', ', {})", columns.join(", ")),
        _ => columns.join(" || ', ' || "),
    };
    let select = format!("SELECT {row} FROM {}.{}", quote(schema), quote(table));
    let mut rows = Rows::new();
    for row in texts(&place.db, select).await? {
        *rows.entry(row).or_default() += 1;
    }
    Ok(rows)
}

async fn texts(db: &DatabaseConnection, sql: String) -> Result<Vec<String>, DbErr> {
    let ask = Statement::from_string(db.get_database_backend(), sql);
    let rows = db.query_all_raw(ask).await?;
    let text = |row: QueryResult| row.try_get_by_index(0);
    rows.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_came_went_or_multiplied_are_changes() {
        let snapshot = |rows: &[(&str, i64)]| {
            let rows = rows.iter().map(|(row, count)| ((*row).to_owned(), *count));
            let key = (Owner::DefaultSchema, "book".to_owned());
            Snapshot(BTreeMap::from([(key, rows.collect())]))
        };
        let before = snapshot(&[("same", 1), ("went", 1), ("less", 3)]);
        let after = snapshot(&[("same", 1), ("came", 1), ("less", 2)]);
        let changes = before.changes(&after);
        let rows: Vec<_> = changes.iter().map(|(_, _, row)| row.as_str()).collect();
        assert_eq!(rows, ["- less", "- went", "+ came"]);
    }
}
