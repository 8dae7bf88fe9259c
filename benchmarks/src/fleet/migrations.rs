//! Eight tables in three migrations, and then one column after the other.

use crate::BoxError;
use sea_orm_migration::prelude::*;
use tenant_migration::Migrations;

/// How many migrations make the tables.
pub const MAKING: usize = 3;
/// The table that gets columns.
pub const GROWING: &str = "item";

/// The first so many of all.
pub fn first(count: usize) -> Result<Migrations, BoxError> {
    // A migrator is a type.
    let of = [
        Migrations::of::<First<3>>,
        Migrations::of::<First<4>>,
        Migrations::of::<First<5>>,
        Migrations::of::<First<6>>,
        Migrations::of::<First<7>>,
        Migrations::of::<First<8>>,
        Migrations::of::<First<9>>,
        Migrations::of::<First<10>>,
        Migrations::of::<First<11>>,
    ];
    let of = count.checked_sub(MAKING).and_then(|place| of.get(place));
    let of = of.ok_or_else(|| format!("there is no migrator of {count} migrations"))?;
    Ok(of()?)
}

/// The name of one that adds a column, which is that of the column, too.
pub fn name(place: usize) -> String {
    format!("m{}_column", place + 1)
}

struct First<const N: usize>;

impl<const N: usize> MigratorTrait for First<N> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        (0..N).map(migration).collect()
    }
}

fn migration(place: usize) -> Box<dyn MigrationTrait> {
    match place {
        0 => Box::new(Tables("m1_people", &["member", "branch"])),
        1 => Box::new(Tables("m2_books", &["author", "publisher", GROWING])),
        2 => Box::new(Tables("m3_lending", &["loan", "reservation", "fine"])),
        _ => Box::new(Column(name(place))),
    }
}

struct Tables(&'static str, &'static [&'static str]);

impl MigrationName for Tables {
    fn name(&self) -> &str {
        self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for &table in self.1 {
            let id = ColumnDef::new("id")
                .integer()
                .not_null()
                .auto_increment()
                .primary_key()
                .take();
            let create = Table::create()
                .table(table)
                .col(id)
                .col(ColumnDef::new("name").text().not_null())
                .col(ColumnDef::new("made_at").timestamp_with_time_zone())
                .take();
            manager.create_table(create).await?;
            let index = Index::create()
                .name(format!("{table}_name"))
                .table(table)
                .col("name")
                .take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

struct Column(String);

impl MigrationName for Column {
    fn name(&self) -> &str {
        &self.0
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Column {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = ColumnDef::new(self.0.clone()).integer().take();
        let alter = Table::alter().table(GROWING).add_column(column).take();
        manager.alter_table(alter).await
    }
}
