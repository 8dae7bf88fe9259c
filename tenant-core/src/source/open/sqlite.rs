//! What is set on connections to SQLite's files.

use sea_orm::{
    ConnectOptions,
    sqlx::{self, sqlite::SqliteJournalMode},
};

use super::{DatabaseUrl, SourceOptions};

/// Many readers beside one writer, who waits for his turn; references are checked; and the
/// shared tables are there under their unqualified names.
pub(super) fn configure(connect: &mut ConnectOptions, url: &DatabaseUrl, options: &SourceOptions) {
    let busy_timeout = options.sqlite_busy_timeout;
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(busy_timeout)
            .foreign_keys(true)
    });
    let shared = options
        .attach
        .as_ref()
        .and_then(DatabaseUrl::file)
        .filter(|shared| url.file().as_ref() != Some(shared));
    if let Some(shared) = shared {
        let shared = shared.to_string_lossy().into_owned();
        connect.map_sqlx_sqlite_pool_opts(move |pool| {
            let shared = shared.clone();
            pool.after_connect(move |connection, _| {
                let shared = shared.clone();
                Box::pin(async move {
                    sqlx::query("ATTACH DATABASE ? AS shared")
                        .bind(shared)
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
        });
    }
}
