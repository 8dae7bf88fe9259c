use sea_orm::{DbErr, RuntimeErr, sqlx};

/// What the server itself said, where a statement failed because of that.
pub(super) fn by_server(error: &DbErr) -> Option<&(dyn sqlx::error::DatabaseError + 'static)> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return None;
    };
    error.as_database_error()
}
