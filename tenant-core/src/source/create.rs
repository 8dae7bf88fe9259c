//! Making the database or the file that is to be opened.

use sea_orm::{ConnectionTrait as _, DbBackend};

#[cfg(not(feature = "sqlx-sqlite"))]
use super::open::{driver, without};
use super::{
    DatabaseUrl, SourceOptions,
    open::{connect_options, open},
};
use crate::{ConnectionInfo, TenantError};

/// Creates a MySQL database, on a connection that has none.
pub(crate) async fn create_database(
    placed: &ConnectionInfo,
    options: &SourceOptions,
) -> Result<(), TenantError> {
    let url = placed.url().without_database();
    let mut connect = connect_options(&url, options, None);
    connect.max_connections(1);
    let server = open(&url, connect).await?;
    let schema = placed.schema().quoted(DbBackend::MySql);
    let created = server
        .execute_unprepared(&format!("CREATE DATABASE IF NOT EXISTS {schema}"))
        .await;
    let closed = server.close().await;
    created?;
    Ok(closed?)
}

/// Creates an SQLite file and the directories above it, if it is missing.
#[cfg(feature = "sqlx-sqlite")]
pub(crate) async fn create_file(
    url: &DatabaseUrl,
    options: &SourceOptions,
) -> Result<(), TenantError> {
    if let Some(directory) = url.file().as_deref().and_then(std::path::Path::parent) {
        std::fs::create_dir_all(directory).map_err(|error| {
            TenantError::Configuration(format!(
                "the directory {} cannot be created: {error}",
                directory.display()
            ))
        })?;
    }
    let mut connect = connect_options(url, &options.without_shared_tables(), None);
    connect
        .max_connections(1)
        .map_sqlx_sqlite_opts(|sqlite| sqlite.create_if_missing(true));
    let created = open(url, connect).await?;
    created.close().await?;
    Ok(())
}

/// Without its driver there is no file to create.
#[cfg(not(feature = "sqlx-sqlite"))]
pub(crate) async fn create_file(url: &DatabaseUrl, _: &SourceOptions) -> Result<(), TenantError> {
    Err(without(driver(url.backend()).0))
}
