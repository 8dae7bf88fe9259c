use sea_orm::DatabaseConnection;

use crate::MigrationError;

/// Works on a connection, and closes it whatever came of that.
pub(crate) async fn closing<T, E>(
    db: DatabaseConnection,
    work: impl AsyncFnOnce(&DatabaseConnection) -> Result<T, E>,
) -> Result<T, MigrationError>
where
    MigrationError: From<E>,
{
    let done = work(&db).await;
    let closed = db.close().await;
    let done = done?;
    closed?;
    Ok(done)
}
