use sea_orm::DbErr;

/// Whether a statement failed because what was prepared for it is out of date: the table was changed
/// since, and with it the type of a column that the statement returns (PostgreSQL's "cached plan
/// must not change result type"). It stays so on that connection.
///
/// Told by the server function that says it: the message is in the server's language, and the code,
/// `0A000`, is that of everything that is not supported.
#[cfg(feature = "sqlx-postgres")]
pub(in crate::source) fn is_stale_plan(error: &DbErr) -> bool {
    use sea_orm::sqlx::postgres::PgDatabaseError;
    crate::source::said::by_server(error)
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|error| {
            error.code() == "0A000" && error.routine() == Some("RevalidateCachedQuery")
        })
}

/// Other databases prepare again by themselves.
#[cfg(not(feature = "sqlx-postgres"))]
pub(in crate::source) fn is_stale_plan(_: &DbErr) -> bool {
    false
}
