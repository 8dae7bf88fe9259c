//! Rows that are copied as they are, whatever tables do with new ones.

use sea_orm::{ConnectionTrait as _, DbErr, Statement};
use sea_orm_migration::prelude::*;
use sea_orm_tenant::migration::{Provisioned, Take};

use super::library::Yard;
use crate::support::{Server, World};

/// A table with triggers that change keys, and one that inherits from it.
struct Triggered;

impl MigratorTrait for Triggered {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Triggered)]
    }
}

impl MigrationName for Triggered {
    fn name(&self) -> &str {
        "m1_triggered"
    }
}

const TRIGGERED: &str = "CREATE TABLE parent (id integer NOT NULL);
    CREATE TABLE child (extra integer) INHERITS (parent);
    CREATE FUNCTION add_to_key() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.id := NEW.id + 100; RETURN NEW; END';
    CREATE TRIGGER one_on BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION add_to_key();
    CREATE TRIGGER two_off BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION add_to_key();
    CREATE TRIGGER three_replica BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION add_to_key();
    CREATE TRIGGER four_always BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION add_to_key();
    ALTER TABLE parent DISABLE TRIGGER two_off;
    ALTER TABLE parent ENABLE REPLICA TRIGGER three_replica;
    ALTER TABLE parent ENABLE ALWAYS TRIGGER four_always;";

#[async_trait::async_trait]
impl MigrationTrait for Triggered {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        db.execute_unprepared(TRIGGERED).await?;
        Ok(())
    }
}

async fn column(yard: &Yard<'_>, name: &str, select: &str) -> Vec<String> {
    let db = yard.db(name).await;
    let select = Statement::from_string(db.get_database_backend(), select);
    let rows = db.query_all_raw(select).await.unwrap();
    let column = rows.iter().map(|row| row.try_get_by_index(0).unwrap());
    column.collect()
}

async fn copy<M: MigratorTrait>(yard: &Yard<'_>) {
    let fleet = yard.builder::<M>().build().unwrap();
    let copy = yard.provision("copy");
    let made = fleet
        .copy_tenant(&yard.id("original"), &copy, Take::StructureAndData)
        .await;
    assert_eq!(made.unwrap(), Provisioned::Made);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_is_copied_once_and_no_trigger_is_turned_on() {
    World::run(Server::Postgres, async |world| {
        let yard = Yard::new(world);
        let fleet = yard.builder::<Triggered>().build().unwrap();
        fleet.provision(&yard.provision("original")).await.unwrap();
        let db = yard.db("original").await;
        for insert in [
            "INSERT INTO $tenant.parent VALUES (1)",
            "INSERT INTO $tenant.child VALUES (2, 3)",
        ] {
            db.execute_unprepared(insert).await.unwrap();
        }
        copy::<Triggered>(&yard).await;
        let rows = "SELECT id::text FROM $tenant.parent ORDER BY id";
        assert_eq!(column(&yard, "original", rows).await, ["2", "201"]);
        assert_eq!(column(&yard, "copy", rows).await, ["2", "201"]);
        let triggers = "SELECT tgname || ' ' || tgenabled::text FROM pg_catalog.pg_trigger \
             WHERE tgrelid = '$tenant.parent'::regclass ORDER BY tgname";
        let triggers = triggers.replace("'$tenant.parent'", "('\"' || '$tenant' || '\".parent')");
        let as_made = ["four_always A", "one_on O", "three_replica R", "two_off D"];
        assert_eq!(column(&yard, "copy", &triggers).await, as_made);
    })
    .await;
}

/// A key that counts, in a table that keeps what rows were, where the server has such.
struct Numbered;

impl MigratorTrait for Numbered {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Numbered)]
    }
}

impl MigrationName for Numbered {
    fn name(&self) -> &str {
        "m1_numbered"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Numbered {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let version = Statement::from_string(db.get_database_backend(), "SELECT VERSION()");
        let version = db.query_one_raw(version).await?.unwrap();
        let versioning = match version.try_get_by_index::<String>(0)?.contains("MariaDB") {
            true => " WITH SYSTEM VERSIONING",
            false => "",
        };
        let create =
            format!("CREATE TABLE numbered (id integer AUTO_INCREMENT PRIMARY KEY){versioning}");
        db.execute_unprepared(&create).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_zero_is_copied_and_so_are_tables_with_a_history() {
    World::run(Server::MySql, async |world| {
        let yard = Yard::new(world);
        let fleet = yard.builder::<Numbered>().build().unwrap();
        fleet.provision(&yard.provision("original")).await.unwrap();
        let db = yard.db("original").await;
        for statement in [
            "INSERT INTO $tenant.numbered VALUES (5), (6)",
            "UPDATE $tenant.numbered SET id = 0 WHERE id = 5",
        ] {
            db.execute_unprepared(statement).await.unwrap();
        }
        copy::<Numbered>(&yard).await;
        let rows = "SELECT CAST(id AS CHAR) FROM $tenant.numbered ORDER BY id";
        assert_eq!(column(&yard, "copy", rows).await, ["0", "6"]);
    })
    .await;
}
