//! Tables made from entities.

use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait as _, SqlErr,
    TransactionTrait as _,
};
use sea_orm_tenant::{SchemaName, TenantConnection, TenantId};

use super::{
    catalogue::{columns, enum_types, foreign_keys, indexes, tables},
    inside::{inside_acme, rows_outside},
};
use crate::support::{
    Server, World,
    entities::{author, book, book_tag, review, tag},
    on_every_database,
};

on_every_database!(
    tables_are_made_in_one_tenants_schema_and_no_other,
    indexes_and_unique_keys_exist,
    foreign_keys_stay_in_the_tenants_schema_or_go_to_shared_tables,
    foreign_keys_are_checked,
    unique_keys_are_each_tenants_own,
    enum_types_are_in_the_tenants_schema,
    says_which_schema_it_means,
    a_table_that_exists_is_an_error,
    tables_are_made_in_a_transaction_that_rolls_back,
);

const TABLES: [&str; 5] = ["author", "book", "book_tag", "review", "tag"];

/// A tenant with a schema and nothing in it.
pub async fn newcomer(world: &World) -> TenantId {
    let id = world.acme.as_str().replace("acme", "newcomer");
    let id = TenantId::try_from(id).unwrap();
    world.store.add(id.clone(), &world.database).unwrap();
    world.tenancy.create_schema(&id).await.unwrap();
    id
}

async fn make_tables<C: ConnectionTrait>(db: &TenantConnection<C>) -> Result<(), DbErr> {
    db.get_schema_builder()
        .register(book_tag::Entity)
        .register(review::Entity)
        .register(book::Entity)
        .register(tag::Entity)
        .register(author::Entity)
        .apply(db)
        .await
}

async fn tables_are_made_in_one_tenants_schema_and_no_other(world: &World) {
    let (rows, globex) = (
        rows_outside(world).await,
        columns(world, &world.globex).await,
    );
    let newcomer = newcomer(world).await;
    assert!(tables(world, &newcomer).await.is_empty());
    let other = TenantId::try_from(format!("{newcomer}-2")).unwrap();
    world.store.add(other.clone(), &world.database).unwrap();
    world.tenancy.create_schema(&other).await.unwrap();

    make_tables(&world.tenancy.for_tenant(&newcomer).await.unwrap())
        .await
        .unwrap();
    assert_eq!(tables(world, &newcomer).await, TABLES);
    assert_eq!(columns(world, &newcomer).await, globex);
    assert!(tables(world, &other).await.is_empty());
    assert_eq!(columns(world, &world.globex).await, globex);
    assert_eq!(rows_outside(world).await, rows);
}

async fn indexes_and_unique_keys_exist(world: &World) {
    let unique = indexes(world, &world.acme, true).await;
    assert_eq!(unique, ["author(name)", "book(row,place)", "tag(word)"]);
    let others = indexes(world, &world.acme, false).await;
    // MySQL makes one for each foreign key besides.
    assert!(others.contains(&"book(title)".to_owned()), "{others:?}");
    if world.server != Server::MySql {
        assert_eq!(others.len(), 1, "{others:?}");
    }
}

async fn foreign_keys_stay_in_the_tenants_schema_or_go_to_shared_tables(world: &World) {
    let schema = world.quoted_schema(&world.acme);
    let own = schema.trim_matches(['"', '`']);
    let mut expected = vec![
        format!("author(mentor_id) -> {own}.author"),
        format!("book(author_id) -> {own}.author"),
    ];
    // A foreign key cannot leave an SQLite file.
    if world.server != Server::Sqlite {
        let shared = world.default_schema();
        expected.push(format!("book(genre_id) -> {shared}.genre"));
    }
    expected.extend([
        format!("book_tag(book_id) -> {own}.book"),
        format!("book_tag(tag_id) -> {own}.tag"),
        format!("review(book_id) -> {own}.book"),
    ]);
    assert_eq!(foreign_keys(world, &world.acme).await, expected);
}

async fn foreign_keys_are_checked(world: &World) {
    inside_acme(world, async |db| {
        let book = |author_id, genre_id| book::ActiveModel {
            title: Set("Orphan".into()),
            author_id: Set(author_id),
            genre_id: Set(genre_id),
            ..Default::default()
        };
        let refused = |error: DbErr| {
            let violation = error.sql_err();
            assert!(matches!(
                violation,
                Some(SqlErr::ForeignKeyConstraintViolation(_))
            ));
        };
        refused(book(99, None).insert(db).await.unwrap_err());
        let no_genre = book(1, Some(99)).insert(db).await;
        match world.server {
            Server::Sqlite => drop(no_genre.unwrap()),
            _ => refused(no_genre.unwrap_err()),
        }
        refused(author::Entity::delete_by_id(1).exec(db).await.unwrap_err());
        // `on_delete = "Cascade"`
        tag::Entity::delete_by_id(1).exec(db).await.unwrap();
        let links = book_tag::Entity::find().all(db).await.unwrap();
        assert_eq!(links.len(), 3);
    })
    .await;
}

async fn unique_keys_are_each_tenants_own(world: &World) {
    inside_acme(world, async |db| {
        let named = |name: &str| author::ActiveModel {
            name: Set(name.into()),
            ..Default::default()
        };
        let twice = named("Verne").insert(db).await.unwrap_err().sql_err();
        assert!(matches!(twice, Some(SqlErr::UniqueConstraintViolation(_))));
        named("GLOBEX Verne").insert(db).await.unwrap();
        let on_a_shelf = book::ActiveModel {
            title: Set("Moon".into()),
            author_id: Set(1),
            row: Set(Some(1)),
            place: Set(Some(1)),
            ..Default::default()
        };
        let twice = on_a_shelf.insert(db).await.unwrap_err().sql_err();
        assert!(matches!(twice, Some(SqlErr::UniqueConstraintViolation(_))));
    })
    .await;
}

async fn enum_types_are_in_the_tenants_schema(world: &World) {
    if world.server != Server::Postgres {
        return;
    }
    let of = |tenant| format!("{}.mood", SchemaName::for_tenant(tenant));
    let (acme, globex) = (of(&world.acme), of(&world.globex));
    let all = [acme, globex, of(&world.planted)];
    let mut expected: Vec<_> = std::iter::once("public.mood".to_owned())
        .chain(all)
        .collect();
    expected.sort();
    assert_eq!(enum_types(world).await, expected);
}

async fn says_which_schema_it_means(world: &World) {
    let newcomer = newcomer(world).await;
    let (db, recording) = world.recorded(&newcomer, 1).await;
    db.get_schema_builder()
        .register(review::Entity)
        .register(book::Entity)
        .register(author::Entity)
        .apply(&db)
        .await
        .unwrap();
    let expected: &[&str] = match world.server {
        Server::Postgres => &[
            r#"CREATE TABLE {own}."author" ( "id" integer GENERATED BY DEFAULT AS IDENTITY NOT NULL PRIMARY KEY, "name" varchar NOT NULL UNIQUE, "mentor_id" integer, CONSTRAINT "fk-author-mentor_id" FOREIGN KEY ("mentor_id") REFERENCES {own}."author" ("id") )"#,
            r#"CREATE TABLE {own}."book" ( "id" integer GENERATED BY DEFAULT AS IDENTITY NOT NULL PRIMARY KEY, "title" varchar NOT NULL, "author_id" integer NOT NULL, "row" integer, "place" integer, "genre_id" integer, CONSTRAINT "fk-book-author_id" FOREIGN KEY ("author_id") REFERENCES {own}."author" ("id"), CONSTRAINT "fk-book-genre_id" FOREIGN KEY ("genre_id") REFERENCES "genre" ("id") )"#,
            r#"CREATE INDEX "idx-book-title" ON {own}."book" ("title")"#,
            r#"CREATE UNIQUE INDEX "idx-book-shelf" ON {own}."book" ("row", "place")"#,
            r#"CREATE TYPE {own}."mood" AS ENUM ('glad', 'sad')"#,
            r#"CREATE TABLE {own}."review" ( "id" integer GENERATED BY DEFAULT AS IDENTITY NOT NULL PRIMARY KEY, "book_id" integer NOT NULL, "mood" {own}.mood NOT NULL, "text" varchar NOT NULL, CONSTRAINT "fk-review-book_id" FOREIGN KEY ("book_id") REFERENCES {own}."book" ("id") )"#,
        ],
        Server::MySql => &[
            "SELECT DATABASE()",
            "CREATE TABLE {own}.`author` ( `id` int NOT NULL PRIMARY KEY AUTO_INCREMENT, `name` varchar(255) NOT NULL UNIQUE, `mentor_id` int, CONSTRAINT `fk-author-mentor_id` FOREIGN KEY (`mentor_id`) REFERENCES {own}.`author` (`id`) )",
            "CREATE TABLE {own}.`book` ( `id` int NOT NULL PRIMARY KEY AUTO_INCREMENT, `title` varchar(255) NOT NULL, `author_id` int NOT NULL, `row` int, `place` int, `genre_id` int, KEY `idx-book-title` (`title`), UNIQUE KEY `idx-book-shelf` (`row`, `place`), CONSTRAINT `fk-book-author_id` FOREIGN KEY (`author_id`) REFERENCES {own}.`author` (`id`), CONSTRAINT `fk-book-genre_id` FOREIGN KEY (`genre_id`) REFERENCES {shared}.`genre` (`id`) )",
            "CREATE TABLE {own}.`review` ( `id` int NOT NULL PRIMARY KEY AUTO_INCREMENT, `book_id` int NOT NULL, `mood` ENUM('glad', 'sad') NOT NULL, `text` varchar(255) NOT NULL, CONSTRAINT `fk-review-book_id` FOREIGN KEY (`book_id`) REFERENCES {own}.`book` (`id`) )",
        ],
        Server::Sqlite => &[
            r#"CREATE TABLE "main"."author" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar NOT NULL UNIQUE, "mentor_id" integer, FOREIGN KEY ("mentor_id") REFERENCES "author" ("id") )"#,
            r#"CREATE TABLE "main"."book" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "title" varchar NOT NULL, "author_id" integer NOT NULL, "row" integer, "place" integer, "genre_id" integer, FOREIGN KEY ("author_id") REFERENCES "author" ("id") )"#,
            r#"CREATE INDEX "main"."idx-book-title" ON "book" ("title")"#,
            r#"CREATE UNIQUE INDEX "main"."idx-book-shelf" ON "book" ("row", "place")"#,
            r#"CREATE TABLE "main"."review" ( "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "book_id" integer NOT NULL, "mood" enum_text NOT NULL, "text" varchar NOT NULL, FOREIGN KEY ("book_id") REFERENCES "book" ("id") )"#,
        ],
    };
    let own = world.quoted_schema(&newcomer);
    let shared = world.server.quote(&world.default_schema());
    let name = |sql: &&str| sql.replace("{own}", &own).replace("{shared}", &shared);
    let expected: Vec<_> = expected.iter().map(name).collect();
    assert_eq!(recording.take(), expected);
}

async fn a_table_that_exists_is_an_error(world: &World) {
    let acme = world.acme().await;
    make_tables(&acme).await.unwrap_err();
    assert_eq!(tables(world, &world.acme).await, TABLES);
}

async fn tables_are_made_in_a_transaction_that_rolls_back(world: &World) {
    let newcomer = newcomer(world).await;
    let db = world.tenancy.for_tenant(&newcomer).await.unwrap();
    let transaction = db.begin().await.unwrap();
    make_tables(&transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    // MySQL commits with each `CREATE`.
    let left = tables(world, &newcomer).await.len();
    assert_eq!(left, if world.server == Server::MySql { 5 } else { 0 });
}
