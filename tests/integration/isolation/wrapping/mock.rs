//! Over SeaORM's mock: what reaches a driver is qualified.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait as _, MockDatabase, MockExecResult,
    Statement, Transaction, TransactionTrait as _, sea_query::Expr,
};
use sea_orm_tenant::{SchemaName, TenantConnection, TenantError, TenantId};

use super::super::rows::names;
use crate::support::entities::{author, genre};

const ACME: TenantId = TenantId::from_static("acme");

fn verne() -> author::Model {
    author::Model {
        id: 1,
        name: "Verne".into(),
        mentor_id: None,
    }
}

fn bound(mock: MockDatabase) -> TenantConnection<DatabaseConnection> {
    let schema = SchemaName::for_tenant(&ACME);
    TenantConnection::new(mock.into_connection(), ACME, schema)
}

fn log(db: TenantConnection<DatabaseConnection>) -> Vec<String> {
    let log = db.unscoped_raw().clone();
    drop(db);
    let statements = log.into_transaction_log();
    let statements = statements.iter().flat_map(Transaction::statements);
    statements.map(|statement| statement.sql.clone()).collect()
}

#[tokio::test]
async fn the_mock_sees_qualified_statements() {
    for (backend, select, update) in [
        (
            DbBackend::Postgres,
            r#"SELECT "author"."id", "author"."name", "author"."mentor_id" FROM "tenant_acme"."author" ORDER BY "author"."id" ASC"#,
            r#"UPDATE "tenant_acme"."author" SET "name" = $1"#,
        ),
        (
            DbBackend::MySql,
            "SELECT `author`.`id`, `author`.`name`, `author`.`mentor_id` FROM `tenant_acme`.`author` ORDER BY `author`.`id` ASC",
            "UPDATE `tenant_acme`.`author` SET `name` = ?",
        ),
        (
            DbBackend::Sqlite,
            r#"SELECT "author"."id", "author"."name", "author"."mentor_id" FROM "tenant_acme"."author" ORDER BY "author"."id" ASC"#,
            r#"UPDATE "tenant_acme"."author" SET "name" = ?"#,
        ),
    ] {
        let mock = MockDatabase::new(backend)
            .append_query_results([[verne()]])
            .append_exec_results([MockExecResult::default()]);
        let db = bound(mock);
        assert!(db.is_mock_connection());
        assert_eq!(names(&db).await.unwrap(), ["Verne"]);
        let update_all = author::Entity::update_many();
        let update_all = update_all.col_expr(author::Column::Name, Expr::val("x"));
        update_all.exec(&db).await.unwrap();
        assert_eq!(log(db), [select, update]);
    }
}

#[tokio::test]
async fn shared_entities_reach_the_mock_as_they_are() {
    let genres = [genre::Model {
        id: 1,
        label: "Travel".into(),
    }];
    let db = bound(MockDatabase::new(DbBackend::Postgres).append_query_results([genres]));
    genre::Entity::find().all(&db).await.unwrap();
    assert_eq!(
        log(db),
        [r#"SELECT "genre"."id", "genre"."label" FROM "genre""#]
    );
}

#[tokio::test]
async fn refused_sql_never_reaches_the_mock() {
    let db = bound(MockDatabase::new(DbBackend::Postgres));
    let refused = db.execute_unprepared("DELETE FROM author").await;
    let refused = TenantError::from(refused.unwrap_err());
    assert!(matches!(refused, TenantError::UnscopedSql));
    assert_eq!(log(db), [""; 0]);
}

#[tokio::test]
async fn transactions_of_the_mock_are_bound_too() {
    let mock = MockDatabase::new(DbBackend::Postgres)
        .append_query_results([[verne()], [verne()]])
        .append_exec_results([MockExecResult::default()]);
    let db = bound(mock);
    let transaction = db.begin().await.unwrap();
    // SeaORM's say no.
    let inner = transaction.unscoped_raw().is_mock_connection();
    assert_eq!(transaction.is_mock_connection(), inner);
    names(&transaction).await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    savepoint
        .execute_unprepared("DELETE FROM $tenant.author")
        .await
        .unwrap();
    savepoint.commit().await.unwrap();
    transaction.commit().await.unwrap();
    let dropped = db.begin().await.unwrap();
    names(&dropped).await.unwrap();
    drop(dropped);

    let select = r#"SELECT "author"."id", "author"."name", "author"."mentor_id" FROM "tenant_acme"."author" ORDER BY "author"."id" ASC"#;
    let inner = db.unscoped_raw().clone();
    drop(db);
    let statement = |sql: &str| Statement::from_string(DbBackend::Postgres, sql);
    let select = || Statement::from_sql_and_values(DbBackend::Postgres, select, []);
    let expected = [
        Transaction::many([
            statement("BEGIN"),
            select(),
            statement("SAVEPOINT savepoint_1"),
            statement(r#"DELETE FROM "tenant_acme".author"#),
            statement("RELEASE SAVEPOINT savepoint_1"),
            statement("COMMIT"),
        ]),
        Transaction::many([statement("BEGIN"), select(), statement("ROLLBACK")]),
    ];
    assert_eq!(inner.into_transaction_log(), expected);
}
