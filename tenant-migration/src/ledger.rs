//! The table that says which migrations were applied: SeaORM's own, read and written where
//! unqualified names are the tenant's.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use sea_orm::{
    ConnectionTrait, DbErr, Schema,
    sea_query::{Alias, Expr, ExprTrait as _, IntoIden as _, Query},
};
use sea_orm_migration::seaql_migrations::{Column, Entity};

use crate::{MigrationError, Migrations};

/// Whether migrations are applied or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

impl Migrations {
    /// Makes the table, if it is missing.
    pub(crate) async fn install(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let mut table = Schema::new(db.get_database_backend()).create_table_from_entity(Entity);
        table.table(Alias::new(self.table())).if_not_exists();
        db.execute(&table).await?;
        Ok(())
    }

    /// The names of those that were applied. The table must be there.
    pub(crate) async fn applied(&self, db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
        let select = Query::select()
            .column(Column::Version)
            .from(Alias::new(self.table()))
            .take();
        let rows = db.query_all(&select).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// Notes that a migration was applied, or taken back.
    pub(crate) async fn note(
        &self,
        db: &impl ConnectionTrait,
        direction: Direction,
        name: &str,
    ) -> Result<(), DbErr> {
        let table = Alias::new(self.table());
        match direction {
            Direction::Up => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                let now = now.map_or(0, |since| {
                    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
                });
                let insert = Query::insert()
                    .into_table(table)
                    .columns([Column::Version.into_iden(), Column::AppliedAt.into_iden()])
                    .values([Expr::value(name), Expr::value(now)])
                    .map_err(|error| DbErr::Custom(error.to_string()))?
                    .take();
                db.execute(&insert).await?;
            }
            Direction::Down => {
                let delete = Query::delete()
                    .from_table(table)
                    .and_where(Expr::col(Column::Version).eq(name))
                    .take();
                db.execute(&delete).await?;
            }
        }
        Ok(())
    }

    /// The place of the migration that comes next, where these were applied.
    pub(crate) fn next(
        &self,
        applied: &[String],
        direction: Direction,
    ) -> Result<Option<usize>, MigrationError> {
        let pending = self.pending(applied)?;
        Ok(match direction {
            Direction::Up => pending.first().copied(),
            Direction::Down => (0..self.names().len())
                .rev()
                .find(|place| !pending.contains(place)),
        })
    }

    /// The places of those that were not applied, in their order.
    pub(crate) fn pending(&self, applied: &[String]) -> Result<Vec<usize>, MigrationError> {
        let unknown = self.unknown(applied);
        if !unknown.is_empty() {
            return Err(MigrationError::UnknownMigrations {
                migrations: unknown,
            });
        }
        let applied: HashSet<&str> = applied.iter().map(String::as_str).collect();
        Ok((0..self.names().len())
            .filter(|place| !applied.contains(&*self.names()[*place]))
            .collect())
    }

    /// Applied ones that the migrator has not got.
    pub(crate) fn unknown(&self, applied: &[String]) -> Vec<Arc<str>> {
        let known: HashSet<&str> = self.names().iter().map(|name| &**name).collect();
        let mut unknown: Vec<_> = applied
            .iter()
            .filter(|name| !known.contains(name.as_str()))
            .map(|name| Arc::from(name.as_str()))
            .collect();
        unknown.sort_unstable();
        unknown
    }
}
