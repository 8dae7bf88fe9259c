use std::{fmt, fs, time::Duration};

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr};
use tenant_core::{DatabaseUrl, TenantError};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use super::{
    arguments::Global,
    failure::{Failure, reason},
};
use crate::MigrationError;

/// What the command line and the environment say about databases.
#[derive(Clone)]
pub struct Settings {
    database: Option<DatabaseUrl>,
    shared: Option<DatabaseUrl>,
}

impl Settings {
    pub(super) fn new(global: &Global, default: Option<String>) -> Result<Self, Failure> {
        let read = |url: Option<String>, variable: &str| match url {
            None => Ok(None),
            Some(url) => match DatabaseUrl::new(url).and_then(absolute) {
                Ok(url) => Ok(Some(url)),
                Err(error) => {
                    let error = reason(&error.into());
                    Err(Failure::refused(format!("{variable}: {error}")))
                }
            },
        };
        let database = global.database_url.clone().or(default);
        Ok(Self {
            database: read(database, "DATABASE_URL")?,
            shared: read(global.shared_database_url.clone(), "SHARED_DATABASE_URL")?,
        })
    }

    /// Where new tenants are placed: `--database-url`, or `DATABASE_URL`. On SQLite a directory.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] when there is none.
    pub fn database_url(&self) -> Result<&DatabaseUrl, MigrationError> {
        self.database.as_ref().ok_or_else(|| {
            MigrationError::Configuration(
                "no database is named: set DATABASE_URL, or say --database-url".to_owned(),
            )
        })
    }

    /// Where the tables are that all tenants read: `--shared-database-url`, or
    /// `SHARED_DATABASE_URL`; otherwise the same database, and on SQLite the file `shared.sqlite` in
    /// the same directory.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] when there is none.
    pub fn shared_url(&self) -> Result<DatabaseUrl, MigrationError> {
        if let Some(shared) = &self.shared {
            return Ok(shared.clone());
        }
        let url = self.database_url()?;
        if url.backend() != DbBackend::Sqlite {
            return Ok(url.clone());
        }
        let directory = url.expose().split('?').next().unwrap_or_default();
        let directory = directory.trim_end_matches('/');
        let file = format!("{directory}/shared.sqlite?mode=rwc");
        Ok(DatabaseUrl::new(file)?)
    }

    /// Opens the database of [`shared_url`](Self::shared_url): what a registry that is kept in it is
    /// made with. On SQLite its directory is made, too.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] when there is none; what the database says, without the URL.
    pub async fn shared(&self) -> Result<DatabaseConnection, MigrationError> {
        let url = self.shared_url()?;
        let mut connections = 4;
        if let Some(file) = url.file() {
            // Those who write to one file wait for each other anyway.
            connections = 1;
            if let Some(directory) = file.parent() {
                fs::create_dir_all(directory).map_err(|error| {
                    let directory = directory.display();
                    MigrationError::Configuration(format!("the directory {directory}: {error}"))
                })?;
            }
        }
        let mut options = ConnectOptions::new(url.expose());
        options
            .max_connections(connections)
            .connect_timeout(PATIENCE)
            .acquire_timeout(PATIENCE)
            // A program that ends soon has no use for a task that reaps connections.
            .idle_timeout(None)
            .max_lifetime(None)
            .sqlx_logging(false);
        // SeaORM notes the options, in which the URL is, with whatever is logged meanwhile.
        let connecting = Database::connect(options).with_subscriber(NoSubscriber::default());
        Ok(connecting.await.map_err(|error| without(&url, error))?)
    }
}

/// How long to wait for a database: a server that is not there is asked again until then.
const PATIENCE: Duration = Duration::from_secs(5);

/// The URL of an SQLite file wherever the program is started the next time: registries keep it.
fn absolute(url: DatabaseUrl) -> Result<DatabaseUrl, TenantError> {
    let Some(file) = url.file().filter(|file| file.is_relative()) else {
        return Ok(url);
    };
    let absolute = DatabaseUrl::sqlite(file)?;
    match url.expose().split_once('?') {
        Some((_, options)) => DatabaseUrl::new(format!("{}?{options}", absolute.expose())),
        None => Ok(absolute),
    }
}

/// SeaORM repeats the URL in some of its messages.
fn without(url: &DatabaseUrl, error: DbErr) -> DbErr {
    let text = error.to_string();
    match text.contains(url.expose()) {
        true => {
            let text = text.replace(url.expose(), "[REDACTED]");
            DbErr::Conn(RuntimeErr::Internal(text))
        }
        false => error,
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Settings {
        Settings {
            database: Some(DatabaseUrl::new(url).unwrap()),
            shared: None,
        }
    }

    #[test]
    fn shared_tables_are_beside_the_tenants() {
        let shared = |url: &str| settings(url).shared_url().unwrap().expose().to_owned();
        assert_eq!(shared("postgres://h/app"), "postgres://h/app");
        assert_eq!(
            shared("sqlite:///srv/tenants/"),
            "sqlite:///srv/tenants/shared.sqlite?mode=rwc"
        );
    }

    #[test]
    fn files_are_the_same_wherever_one_is() {
        let relative = DatabaseUrl::new("sqlite://data/tenants?mode=rwc").unwrap();
        let file = std::path::absolute("data/tenants").unwrap();
        let absolute = absolute(relative).unwrap();
        assert_eq!(absolute.file(), Some(file));
        assert!(absolute.expose().ends_with("?mode=rwc"));
    }

    #[test]
    fn debug_and_errors_have_no_url() {
        let settings = settings("postgres://u:hunter2@h/app");
        assert!(!format!("{settings:?}").contains("hunter2"));
        let url = settings.database_url().unwrap();
        let error = DbErr::Custom(format!("{} is wrong", url.expose()));
        assert!(!without(url, error).to_string().contains("hunter2"));
    }
}
