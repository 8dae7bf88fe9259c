//! Two tenants of the same shape are equal whoever looks at them; what is planted in one of them is
//! found once, in words, and nothing else is.

mod on_mysql;
mod on_postgres;
mod on_sqlite;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr};
use sea_orm_tenant::{
    SchemaName, TenantId, TenantStore as _,
    migration::drift::{Drift, Structure},
};

use crate::support::{Server, World, on_every_database};

on_every_database! {
    tenants_of_one_shape_are_equal,
    what_is_planted_is_found_once,
    names_that_look_alike_are_told_apart,
    a_table_that_is_left_out_is_not_compared,
    a_missing_schema_is_no_empty_one,
    many_tables_take_no_more_statements,
}

/// A statement, and the lines that are said of it: one for each cause.
type Plant = (&'static str, &'static [&'static str]);

/// What two tenants are alike in although their names, of which one is the beginning of the other,
/// are all over it; and what tells them apart.
struct LookAlike {
    alike: &'static [&'static str],
    planted: &'static [(&'static str, &'static str)],
}

/// A tenant of its own with the rich schema, on a connection whose search path is its schema.
struct Tenant {
    schema: SchemaName,
    /// Where the shared tables are, quoted.
    shared: String,
    db: DatabaseConnection,
}

impl Tenant {
    async fn empty(world: &World, id: &str) -> Self {
        let id = TenantId::try_from(id).unwrap();
        world.store.add(id.clone(), &world.database).unwrap();
        world.tenancy.create_schema(&id).await.unwrap();
        let placed = world.store.connection(&id).await.unwrap();
        Self {
            schema: placed.schema().clone(),
            shared: world.server.quote(&world.default_schema()),
            db: world.tenancy.dedicated_connection(&id).await.unwrap(),
        }
    }

    /// `name` is the first part of the id: on MySQL schemas are the server's.
    async fn rich(world: &World, name: &str) -> Self {
        let id = world.acme.as_str().replace("acme", name);
        let tenant = Self::empty(world, &id).await;
        for sql in rich_schema(world.server) {
            tenant.run(sql).await;
        }
        tenant
    }

    /// `{schema}` and `{shared}` in the statement are quoted names of schemas; `{name}` is the
    /// tenant's as it is.
    async fn run(&self, sql: &str) {
        let quoted = self.schema.quoted(self.db.get_database_backend());
        let sql = sql
            .replace("{schema}", &quoted)
            .replace("{shared}", &self.shared)
            .replace("{name}", self.schema.as_str());
        let outcome = self.db.execute_unprepared(&sql).await;
        outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn structure(&self) -> Structure {
        read(&self.db, &self.schema).await.unwrap()
    }
}

async fn read(db: &DatabaseConnection, schema: &SchemaName) -> Result<Structure, DbErr> {
    Structure::read(db, schema, &["seaql_migrations"]).await
}

fn rich_schema(server: Server) -> &'static [&'static str] {
    match server {
        Server::Postgres => on_postgres::RICH_SCHEMA,
        Server::MySql => on_mysql::RICH_SCHEMA,
        Server::Sqlite => on_sqlite::RICH_SCHEMA,
    }
}

fn lines(drift: &Drift) -> Vec<String> {
    drift.differences.iter().map(ToString::to_string).collect()
}

async fn tenants_of_one_shape_are_equal(world: &World) {
    let north = Tenant::rich(world, "north").await;
    let south = Tenant::rich(world, "south").await;
    let (one, other) = (north.structure().await, south.structure().await);
    assert_eq!(lines(&one.drift_from(&other)), [""; 0]);
    assert_eq!(lines(&other.drift_from(&one)), [""; 0]);
    assert_eq!(one, other);
    assert!(!one.is_empty());

    // Whoever looks: on a connection of another search path, also one that is the other tenant's.
    if world.server == Server::Sqlite {
        return;
    }
    let elsewhere = sea_orm::Database::connect(crate::support::plain(&world.shared))
        .await
        .unwrap();
    assert_eq!(read(&elsewhere, &north.schema).await.unwrap(), one);
    assert_eq!(read(&south.db, &north.schema).await.unwrap(), one);
    elsewhere.close().await.unwrap();
}

async fn what_is_planted_is_found_once(world: &World) {
    let plants = match world.server {
        Server::Postgres => on_postgres::PLANTS,
        Server::MySql => on_mysql::PLANTS,
        Server::Sqlite => on_sqlite::PLANTS,
    };
    let tenant = Tenant::rich(world, "north").await;
    let reference = Tenant::rich(world, "south").await.structure().await;
    let mut expected: Vec<&str> = Vec::new();
    let mut before = Vec::new();
    let mut wrong = Vec::new();
    for (sql, said) in plants {
        tenant.run(sql).await;
        let now = lines(&tenant.structure().await.drift_from(&reference));
        let new: Vec<&String> = now.iter().filter(|line| !before.contains(*line)).collect();
        if new != *said || now.len() != before.len() + said.len() {
            wrong.push(format!("{sql}\n    {new:#?}"));
        }
        expected.extend(*said);
        before = now;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // All at once; and as much the other way round.
    let planted = tenant.structure().await;
    let mut all = lines(&planted.drift_from(&reference));
    all.sort_unstable();
    expected.sort_unstable();
    assert_eq!(all, expected);
    assert_eq!(reference.drift_from(&planted).differences.len(), all.len());
}

async fn names_that_look_alike_are_told_apart(world: &World) {
    let number = world.acme.as_str().replace("acme", "n");
    let north = Tenant::empty(world, &number).await;
    let longer = Tenant::empty(world, &format!("{number}b")).await;
    let texts = match world.server {
        Server::Postgres => on_postgres::LOOK_ALIKE,
        Server::MySql => on_mysql::LOOK_ALIKE,
        Server::Sqlite => on_sqlite::LOOK_ALIKE,
    };
    let named = |text: &str| {
        text.replace("{north}", north.schema.as_str())
            .replace("{longer}", longer.schema.as_str())
    };
    for tenant in [&north, &longer] {
        for sql in texts.alike {
            tenant.run(&named(sql)).await;
        }
    }
    let (one, other) = (north.structure().await, longer.structure().await);
    assert_eq!(lines(&one.drift_from(&other)), [""; 0]);

    for tenant in [&north, &longer] {
        for (sql, _) in texts.planted {
            tenant.run(&named(sql)).await;
        }
    }
    let (one, other) = (north.structure().await, longer.structure().await);
    let expected: Vec<String> = texts.planted.iter().map(|(_, line)| named(line)).collect();
    assert_eq!(lines(&one.drift_from(&other)), expected);
}

async fn a_table_that_is_left_out_is_not_compared(world: &World) {
    let north = Tenant::rich(world, "north").await;
    let south = Tenant::rich(world, "south").await;
    let id = match world.server {
        Server::Postgres => "serial",
        _ => "integer",
    };
    let migrations = format!(
        "CREATE TABLE {{schema}}.seaql_migrations \
         (id {id} PRIMARY KEY, version varchar(255) NOT NULL UNIQUE)"
    );
    north.run(&migrations).await;
    let (one, other) = (north.structure().await, south.structure().await);
    assert_eq!(one, other);
    let with = Structure::read(&north.db, &north.schema, &[])
        .await
        .unwrap();
    assert_eq!(
        lines(&with.drift_from(&other)),
        ["table seaql_migrations is not in the reference"]
    );
}

async fn a_missing_schema_is_no_empty_one(world: &World) {
    // A file that is connected to is there.
    if world.server == Server::Sqlite {
        return;
    }
    let tenant = Tenant::empty(world, &world.acme.as_str().replace("acme", "void")).await;
    assert!(tenant.structure().await.is_empty());
    let missing = SchemaName::from_static("nowhere");
    let error = read(&tenant.db, &missing).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("there is no schema \"nowhere\" to compare"),
        "{error}"
    );
}

async fn many_tables_take_no_more_statements(world: &World) {
    let (db, schema, recording) = world.recorded_database(&world.acme, 1).await;
    for table in 0..10 {
        let table = format!(
            "CREATE TABLE {}.more_{table} (id integer PRIMARY KEY, word varchar(10) UNIQUE)",
            schema.quoted(world.server.backend())
        );
        db.execute_unprepared(&table).await.unwrap();
    }
    recording.take();
    read(&db, &schema).await.unwrap();
    let expected = match world.server {
        Server::Postgres => 1,
        Server::MySql => 12,
        Server::Sqlite => 5,
    };
    assert_eq!(recording.take().len(), expected);
    db.close().await.unwrap();
}
