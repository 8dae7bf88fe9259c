use sea_orm::{ActiveValue::Set, DbErr, EntityTrait as _, TransactionTrait as _};
use sea_orm_tenant::{TenantContext, TenantDatabaseContext, TenantError, TenantId};

use super::check;
use crate::support::{
    Server,
    entities::{author, tag},
};

/// Reads, a transaction, a savepoint that is rolled back, and a row that is written and stays.
async fn an_application_that_does_not_leak_is_clean(server: Server) {
    let mut check = check(server).await;
    let tenancy = check.tenancy().clone();
    let count = std::sync::atomic::AtomicI32::new(1);
    let report = check
        .run(async |visit| {
            let tenant = visit.tenant().clone();
            TenantContext::scope(tenant, async {
                let db = tenancy.current().await?;
                let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let id = i32::try_from(visit.mark().common_ids()[0]).unwrap();
                let one = author::Entity::find_by_id(id).one(&db).await?;
                let transaction = db.begin().await?;
                let written = tag::ActiveModel {
                    id: Set(number),
                    word: Set(format!("{} {number}", visit.mark().text())),
                };
                tag::Entity::insert(written)
                    .exec_without_returning(&transaction)
                    .await?;
                let savepoint = transaction.begin().await?;
                tag::Entity::delete_many().exec(&savepoint).await?;
                let none = tag::Entity::find().all(&savepoint).await?;
                savepoint.rollback().await?;
                let all = author::Entity::find().all(&transaction).await?;
                transaction.commit().await?;
                let tags = tag::Entity::find().all(&db).await?;
                Ok::<_, TenantError>((one, none, all, tags))
            })
            .await
        })
        .await
        .unwrap();
    report.assert_none();
    assert!(report.interrupted() > 5, "{report}");
    assert_eq!(report.own_rows(), report.visits(), "{report}");
    assert_eq!(
        report.statements().is_none(),
        server == Server::Sqlite,
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_does_not_leak_is_clean_on_postgres() {
    an_application_that_does_not_leak_is_clean(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_does_not_leak_is_clean_on_mariadb() {
    an_application_that_does_not_leak_is_clean(Server::MySql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_does_not_leak_is_clean_on_sqlite() {
    an_application_that_does_not_leak_is_clean(Server::Sqlite).await;
}

/// Unqualified names are the tenant's where the transaction's search path says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_path_that_ends_with_its_transaction_is_clean() {
    use sea_orm::ConnectionTrait as _;
    let mut check = check(Server::Postgres).await;
    let tenancy = check.tenancy().clone();
    let names = async |tenant: &TenantId| {
        let db = tenancy.for_tenant(tenant).await?;
        let transaction = db.begin().await?;
        TenantDatabaseContext::apply_tenant_context(&transaction).await?;
        let select =
            sea_orm::Statement::from_string(db.get_database_backend(), "SELECT name FROM author");
        let rows = transaction.unscoped_raw().query_all_raw(select).await?;
        transaction.rollback().await?;
        let names: Result<Vec<String>, DbErr> =
            rows.iter().map(|row| row.try_get_by_index(0)).collect();
        Ok::<_, TenantError>(names?)
    };
    let report = check
        .run(async |visit| names(visit.tenant()).await)
        .await
        .unwrap();
    report.assert_none();
    assert!(report.statements() > Some(100), "{report}");
}

/// Each visit writes a row of the same key: one that outlives its rollback is in the way of the next.
async fn transactions_that_are_rolled_back_leave_nothing(server: Server) {
    let mut check = check(server).await;
    let report = check
        .run_in_transactions(async |visit, transaction| {
            let before = tag::Entity::find().all(transaction).await?;
            let written = tag::ActiveModel {
                id: Set(7),
                word: Set(visit.mark().text()),
            };
            tag::Entity::insert(written)
                .exec_without_returning(transaction)
                .await?;
            let all = tag::Entity::find().all(transaction).await?;
            tag::Entity::delete_by_id(7).exec(transaction).await?;
            Ok::<_, DbErr>((before, all))
        })
        .await
        .unwrap();
    report.assert_none();
    assert_eq!(report.own_rows(), report.visits(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_are_rolled_back_leave_nothing_on_postgres() {
    transactions_that_are_rolled_back_leave_nothing(Server::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_are_rolled_back_leave_nothing_on_mariadb() {
    transactions_that_are_rolled_back_leave_nothing(Server::MySql).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_are_rolled_back_leave_nothing_on_sqlite() {
    transactions_that_are_rolled_back_leave_nothing(Server::Sqlite).await;
}
