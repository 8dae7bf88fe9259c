//! The tables that all tenants read.

mod m20260101_000001_countries;

use sea_orm_migration::prelude::*;

pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20260101_000001_countries::Migration)]
    }
}
