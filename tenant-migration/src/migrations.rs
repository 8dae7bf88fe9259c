use std::{collections::HashSet, fmt, sync::Arc};

use sea_orm_migration::{MigrationTrait, MigratorTrait};

use crate::MigrationError;

/// The migrations of one migrator, in their order, and the table that says which were applied.
///
/// SeaORM's `MigratorTrait` is a trait of types; this is what is needed of one, as a value.
#[derive(Clone)]
pub struct Migrations {
    make: fn() -> Vec<Box<dyn MigrationTrait>>,
    names: Arc<[Arc<str>]>,
    table: Arc<str>,
}

impl Migrations {
    /// Those of a migrator.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] when two migrations have one name.
    pub fn of<M: MigratorTrait>() -> Result<Self, MigrationError> {
        let names: Vec<Arc<str>> = M::migrations()
            .iter()
            .map(|migration| Arc::from(migration.name()))
            .collect();
        let mut seen = HashSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(Arc::clone(name))) {
            return Err(MigrationError::Configuration(format!(
                "two migrations are called {twice}; the name is that of the file, so give the files different ones"
            )));
        }
        Ok(Self {
            make: M::migrations,
            names: names.into(),
            table: M::migration_table_name().to_string().into(),
        })
    }

    /// Their names, in their order.
    #[must_use]
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The name of the table that says which were applied: `seaql_migrations`, unless the migrator
    /// says otherwise.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The table that says that a schema is being made.
    pub(crate) fn unfinished_table(&self) -> String {
        format!("{}_unfinished", self.table)
    }

    /// The table that says, on MySQL, which migration was begun.
    pub(crate) fn begun_table(&self) -> String {
        format!("{}_begun", self.table)
    }

    /// Tables that are about migrations, and no part of what those make.
    pub(crate) fn own_tables(&self) -> [String; 3] {
        [
            self.table.to_string(),
            self.unfinished_table(),
            self.begun_table(),
        ]
    }

    /// The migration at a place in the order.
    pub(crate) fn at(&self, place: usize) -> Option<Box<dyn MigrationTrait>> {
        (self.make)().into_iter().nth(place)
    }

    /// Whether each of them runs in one transaction on a kind of database that has those for DDL.
    pub(crate) fn are_transactional(&self) -> bool {
        (self.make)()
            .iter()
            .all(|migration| migration.use_transaction() != Some(false))
    }
}

impl fmt::Debug for Migrations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Migrations")
            .field("names", &self.names)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}
