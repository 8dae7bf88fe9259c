use sea_orm::DbErr;

/// Whether a statement failed because what was prepared for it is out of date, and stays so on that
/// connection: the table was changed since, and with it the type of a column that the statement
/// returns (PostgreSQL's "cached plan must not change result type"); or somebody's raw SQL threw away
/// what was prepared (`DISCARD ALL`, `DEALLOCATE ALL`).
///
/// The first is told by the server function that says it: the message is in the server's language, and the code,
/// `0A000`, is that of everything that is not supported.
#[cfg(feature = "sqlx-postgres")]
pub(in crate::source) fn is_stale_plan(error: &DbErr) -> bool {
    use sea_orm::sqlx::postgres::PgDatabaseError;
    crate::source::said::by_server(error)
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|error| match error.code() {
            "0A000" => error.routine() == Some("RevalidateCachedQuery"),
            INVALID_SQL_STATEMENT_NAME => true,
            _ => false,
        })
}

#[cfg(feature = "sqlx-postgres")]
const INVALID_SQL_STATEMENT_NAME: &str = "26000";

/// Other databases prepare again by themselves.
#[cfg(not(feature = "sqlx-postgres"))]
pub(in crate::source) fn is_stale_plan(_: &DbErr) -> bool {
    false
}
