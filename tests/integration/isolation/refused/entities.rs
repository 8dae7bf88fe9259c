//! A tenant-scoped entity on a connection that is bound to no tenant.

use futures_util::TryStreamExt as _;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait as _, StreamTrait,
    TransactionTrait as _, sea_query::Expr,
};

use super::super::rows::{add, count, names};
use crate::support::{World, entities::author, on_every_database};

on_every_database!(
    a_tenant_entity_fails_on_a_plain_connection,
    a_tenant_entity_fails_on_a_plain_transaction,
    a_tenant_entity_fails_on_the_shared_connection,
    a_tenant_entity_fails_on_unscoped_raw,
    a_refused_statement_changes_nothing,
);

async fn a_tenant_entity_fails_on_a_plain_connection(world: &World) {
    let (plain, _, recording) = world.recorded_database(&world.acme, 2).await;
    let errors = every_statement(&plain).await;
    assert_from_the_server(&errors);
    let sent = recording.take();
    assert_eq!(sent.len(), errors.len(), "{sent:?}");
    for sql in sent {
        assert!(sql.contains("$tenant"), "{sql}");
    }
}

async fn a_tenant_entity_fails_on_a_plain_transaction(world: &World) {
    let (plain, _, _) = world.recorded_database(&world.acme, 1).await;
    // PostgreSQL answers nothing else in a transaction that has failed.
    let transaction = plain.begin().await.unwrap();
    let error = names(&transaction).await.unwrap_err();
    assert_from_the_server(&[error]);
    transaction.rollback().await.unwrap();
}

async fn a_tenant_entity_fails_on_the_shared_connection(world: &World) {
    let shared = world.tenancy.shared().await.unwrap();
    assert_from_the_server(&every_statement(&shared).await);
}

async fn a_tenant_entity_fails_on_unscoped_raw(world: &World) {
    let acme = world.acme().await;
    add(&acme, "Verne").await.unwrap();
    assert_from_the_server(&every_statement(acme.unscoped_raw()).await);
    assert_eq!(names(&acme).await.unwrap(), ["Verne"]);
}

async fn a_refused_statement_changes_nothing(world: &World) {
    let shared = world.tenancy.shared().await.unwrap();
    let planted = world.tenancy.for_tenant(&world.planted).await.unwrap();
    let acme = world.acme().await;
    add(&acme, "Verne").await.unwrap();
    let before = (
        names(&planted).await.unwrap(),
        count(&shared, "SELECT count(*) FROM author").await.unwrap(),
    );
    assert!(!before.0.is_empty() && before.1 > 0);

    every_statement(&shared).await;
    every_statement(acme.unscoped_raw()).await;

    let after = (
        names(&planted).await.unwrap(),
        count(&shared, "SELECT count(*) FROM author").await.unwrap(),
    );
    assert_eq!(before, after);
    assert_eq!(names(&acme).await.unwrap(), ["Verne"]);
}

/// A select, a stream, an insert, an update and a delete, which all must fail.
async fn every_statement<C: ConnectionTrait + StreamTrait>(db: &C) -> Vec<DbErr> {
    let update = author::Entity::update_many().col_expr(author::Column::Name, Expr::val("changed"));
    let insert = author::ActiveModel {
        name: Set("Nobody".into()),
        ..Default::default()
    };
    vec![
        names(db).await.unwrap_err(),
        first_of_a_stream(db).await.unwrap_err(),
        insert.insert(db).await.unwrap_err(),
        update.exec(db).await.unwrap_err(),
        author::Entity::delete_many().exec(db).await.unwrap_err(),
    ]
}

async fn first_of_a_stream<C: ConnectionTrait + StreamTrait>(
    db: &C,
) -> Result<Option<author::Model>, DbErr> {
    author::Entity::find().stream(db).await?.try_next().await
}

/// The server, and nobody before it, says that there is no such schema.
fn assert_from_the_server(errors: &[DbErr]) {
    for error in errors {
        assert!(
            matches!(
                error,
                DbErr::Query(sea_orm::RuntimeErr::SqlxError(_))
                    | DbErr::Exec(sea_orm::RuntimeErr::SqlxError(_))
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains("$tenant"), "{error}");
    }
}
