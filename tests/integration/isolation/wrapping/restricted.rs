//! Over SeaORM's role-based access control: what it checks, it still checks.

use sea_orm::{
    ActiveValue::Set,
    ConnectionTrait as _, DatabaseConnection, DbErr, EntityTrait as _, RestrictedConnection,
    TransactionTrait as _,
    rbac::{RbacContext, RbacUserId, entity, schema::create_tables},
    sea_query,
};
use sea_orm_tenant::{SchemaName, TenantConnection, TenantError};

use super::super::rows::{add, names};
use crate::support::{
    Server, World,
    entities::{author, book, genre},
    on_every_database,
};

on_every_database!(
    a_role_may_do_in_the_tenants_tables_what_it_was_granted,
    a_role_is_the_same_in_every_tenant,
    a_restricted_transaction_is_bound_and_restricted,
    raw_sql_is_refused_by_access_control_too,
    a_change_of_the_schema_is_refused_by_access_control,
);

/// Permissions name the schema that the entity names: `$tenant`.
const READER: RbacUserId = RbacUserId(1);
const WRITER: RbacUserId = RbacUserId(2);

/// On a pool of its own, with the rules in the default schema.
async fn rules(world: &World) -> DatabaseConnection {
    let (database, _, _) = world.recorded_database(&world.acme, 2).await;
    create_tables(&database, Default::default()).await.unwrap();
    let tables = [
        (Some("$tenant"), "author"),
        (Some("$tenant"), "book"),
        (None, "genre"),
    ];
    for (schema, table) in tables {
        let table = entity::resource::ActiveModel {
            schema: Set(schema.map(str::to_owned)),
            table: Set(table.to_owned()),
            ..Default::default()
        };
        let insert = entity::resource::Entity::insert(table);
        insert.exec(&database).await.unwrap();
    }
    let mut context = RbacContext::load(&database).await.unwrap();
    context.add_crud_permissions(&database).await.unwrap();
    let roles = ["reader", "writer"];
    context.add_roles(&database, &roles).await.unwrap();
    let users = [(READER.0, "reader"), (WRITER.0, "writer")];
    context.assign_user_role(&database, &users).await.unwrap();
    for (role, actions) in [
        ("reader", &["select"][..]),
        ("writer", &["select", "insert", "delete"][..]),
    ] {
        context
            .add_role_permissions(&database, role, actions, &["author"])
            .await
            .unwrap();
    }
    database.load_rbac().await.unwrap();
    database
}

fn bound(
    world: &World,
    rules: &DatabaseConnection,
    user: RbacUserId,
) -> TenantConnection<RestrictedConnection> {
    let restricted = rules.restricted_for(user).unwrap();
    let schema = match world.server {
        Server::Sqlite => "main",
        _ => &format!("tenant_{}", world.acme),
    };
    let schema = SchemaName::in_dedicated_database(schema).unwrap();
    TenantConnection::new(restricted, world.acme.clone(), schema)
}

fn assert_denied<T: std::fmt::Debug>(outcome: Result<T, DbErr>, what: &str, on: &str) {
    match outcome {
        Err(DbErr::AccessDenied {
            permission,
            resource,
        }) => assert_eq!((permission.as_str(), resource.as_str()), (what, on)),
        other => panic!("{other:?}"),
    }
}

async fn a_role_may_do_in_the_tenants_tables_what_it_was_granted(world: &World) {
    let rules = rules(world).await;
    let (reader, writer) = (bound(world, &rules, READER), bound(world, &rules, WRITER));
    add(&writer, "Verne").await.unwrap();
    assert_eq!(names(&reader).await.unwrap(), ["Verne"]);
    assert_eq!(names(&world.acme().await).await.unwrap(), ["Verne"]);
    assert!(names(&world.globex().await).await.unwrap().is_empty());
    assert_denied(add(&reader, "Wells").await, "insert", "$tenant.author");
    let genres = genre::Entity::find().all(&writer).await;
    assert_denied(genres, "select", "genre");
    let books = book::Entity::find();
    assert_denied(books.all(&writer).await, "select", "$tenant.book");
    assert_eq!(names(&reader).await.unwrap(), ["Verne"]);
}

async fn a_role_is_the_same_in_every_tenant(world: &World) {
    let rules = rules(world).await;
    // SQLite's other tenants are in other files.
    if world.server == Server::Sqlite {
        return;
    }
    let globex = world.globex().await;
    let restricted = rules.restricted_for(WRITER).unwrap();
    let schema = globex.schema().clone();
    let writer = TenantConnection::new(restricted, world.globex.clone(), schema);
    add(&writer, "Globex's").await.unwrap();
    assert_eq!(names(&globex).await.unwrap(), ["Globex's"]);
    assert!(names(&world.acme().await).await.unwrap().is_empty());
}

async fn a_restricted_transaction_is_bound_and_restricted(world: &World) {
    let rules = rules(world).await;
    let writer = bound(world, &rules, WRITER);
    let transaction = writer.begin().await.unwrap();
    add(&transaction, "Verne").await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    add(&savepoint, "given up").await.unwrap();
    let books = book::Entity::find();
    assert_denied(books.all(&savepoint).await, "select", "$tenant.book");
    savepoint.rollback().await.unwrap();
    transaction.commit().await.unwrap();

    let reader = bound(world, &rules, READER);
    let denied = reader.transaction_async::<_, _, DbErr>(async |transaction| {
        assert_denied(add(transaction, "Wells").await, "insert", "$tenant.author");
        names(transaction).await
    });
    assert_eq!(denied.await.unwrap(), ["Verne"]);
}

async fn raw_sql_is_refused_by_access_control_too(world: &World) {
    let rules = rules(world).await;
    let writer = bound(world, &rules, WRITER);
    let refused = writer.execute_unprepared("DELETE FROM author").await;
    let refused = TenantError::from(refused.unwrap_err());
    assert!(matches!(refused, TenantError::UnscopedSql), "{refused}");
    let refused = writer
        .execute_unprepared("DELETE FROM $tenant.author")
        .await;
    assert!(matches!(refused, Err(DbErr::RbacError(_))), "{refused:?}");
}

/// SeaORM cannot tell who may do that.
async fn a_change_of_the_schema_is_refused_by_access_control(world: &World) {
    let rules = rules(world).await;
    let writer = bound(world, &rules, WRITER);
    let tables = writer.get_schema_builder().register(author::Entity);
    let refused = tables.apply(&writer).await;
    assert!(matches!(refused, Err(DbErr::RbacError(_))), "{refused:?}");
    let drop = sea_query::Table::drop().table(author::Entity).take();
    writer.execute(&drop).await.unwrap_err();
}
