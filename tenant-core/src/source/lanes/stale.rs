use sea_orm::DbErr;

/// Whether a statement failed because what was prepared for it is out of date: the table was changed
/// since, and with it the type of a column that the statement returns (PostgreSQL's "cached plan
/// must not change result type"). It stays so on that connection.
///
/// Told by the server function that says it: the message is in the server's language, and the code,
/// `0A000`, is that of everything that is not supported.
#[cfg(feature = "sqlx-postgres")]
pub(in crate::source) fn is_stale_plan(error: &DbErr) -> bool {
    use sea_orm::{RuntimeErr, sqlx};
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return false;
    };
    let sqlx::Error::Database(error) = &**error else {
        return false;
    };
    error
        .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
        .is_some_and(|error| {
            error.code() == "0A000" && error.routine() == Some("RevalidateCachedQuery")
        })
}

/// Other databases prepare again by themselves.
#[cfg(not(feature = "sqlx-postgres"))]
pub(in crate::source) fn is_stale_plan(_: &DbErr) -> bool {
    false
}
