use std::{
    fmt,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    sync::Arc,
};

use sea_orm::DbBackend;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use url::Url;

use crate::{SchemaName, TenantError, error::product};

/// The URL of a database: `postgres://`, `mysql://` (also of MariaDB) or `sqlite://`.
///
/// A secret: it holds a password. It prints as `[REDACTED]`, and is had back only by
/// [`expose`](Self::expose).
#[derive(Clone)]
pub struct DatabaseUrl {
    secret: Arc<SecretString>,
    backend: DbBackend,
}

impl DatabaseUrl {
    /// Takes a URL after looking at its form. Nothing is connected.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`], without the URL, when it is none, when its scheme is none
    /// of the three, or for `sqlite::memory:`, which ends with its connection.
    pub fn new(url: impl Into<String>) -> Result<Self, TenantError> {
        let url = url.into();
        let parsed = Url::parse(&url).map_err(|error| {
            TenantError::Configuration(format!("a database URL is none: {error}"))
        })?;
        let backend = match parsed.scheme() {
            "postgres" | "postgresql" => DbBackend::Postgres,
            "mysql" | "mariadb" => DbBackend::MySql,
            "sqlite" => DbBackend::Sqlite,
            other => {
                return Err(TenantError::Configuration(format!(
                    "a database URL begins with {other:?}; postgres, mysql and sqlite are supported"
                )));
            }
        };
        if backend == DbBackend::Sqlite && url.contains(":memory:") {
            return Err(TenantError::Configuration(
                "an in-memory SQLite database ends with its connection; use a file".to_owned(),
            ));
        }
        Ok(Self {
            secret: Arc::new(url.into()),
            backend,
        })
    }

    /// The URL of an SQLite file or of a directory for such files.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`] when the path cannot be made absolute.
    pub fn sqlite(path: impl AsRef<Path>) -> Result<Self, TenantError> {
        let path = path.as_ref();
        let unusable = || {
            TenantError::Configuration(format!("{} cannot be made an SQLite URL", path.display()))
        };
        let absolute = std::path::absolute(path).map_err(|_| unusable())?;
        let url = Url::from_file_path(absolute).map_err(|()| unusable())?;
        Self::new(format!("sqlite://{}", url.path()))
    }

    /// The kind of database.
    #[must_use]
    pub fn backend(&self) -> DbBackend {
        self.backend
    }

    /// The URL with everything in it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// The URL's path without its leading slash: on PostgreSQL and MySQL the database.
    pub(crate) fn database(&self) -> String {
        Url::parse(self.expose())
            .map(|url| url.path().trim_start_matches('/').to_owned())
            .unwrap_or_default()
    }

    /// The URL without its password, and the password, decoded.
    pub(crate) fn without_password(&self) -> (String, Option<SecretString>) {
        let Ok(mut url) = Url::parse(self.expose()) else {
            return (self.expose().to_owned(), None);
        };
        let password = url.password().map(|password| {
            let decoded = percent_encoding::percent_decode_str(password).decode_utf8_lossy();
            SecretString::from(decoded.into_owned())
        });
        if password.is_none() || url.set_password(None).is_err() {
            return (self.expose().to_owned(), None);
        }
        (url.into(), password)
    }

    /// The same server, with another default database.
    pub(crate) fn with_database(&self, database: &SchemaName) -> Self {
        let mut url = self.clone();
        if let Ok(mut parsed) = Url::parse(self.expose()) {
            parsed.set_path(database.as_str());
            url.secret = Arc::new(String::from(parsed).into());
        }
        url
    }

    /// The URL of a tenant's SQLite file in the directory that this one names.
    pub(crate) fn file_in(&self, schema: &SchemaName) -> Self {
        let (directory, options) = self.split();
        let directory = directory.trim_end_matches('/');
        let url = format!("{directory}/{schema}.sqlite{options}");
        Self {
            secret: Arc::new(url.into()),
            backend: self.backend,
        }
    }

    /// The path of an SQLite file, or of nothing on other databases.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        if self.backend != DbBackend::Sqlite {
            return None;
        }
        let (path, _) = self.split();
        let path = path.strip_prefix("sqlite:").unwrap_or(path);
        let path = path.strip_prefix("//").unwrap_or(path);
        // The driver decodes the path too.
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
        Some(PathBuf::from(path.into_owned()))
    }

    /// Whether both mean one database, whoever logs in and with whichever options.
    pub(crate) fn same_database(&self, other: &Self) -> bool {
        if self.backend != other.backend {
            return false;
        }
        if self.backend == DbBackend::Sqlite {
            return self.file() == other.file();
        }
        let place = |url: &Self| {
            Url::parse(url.expose()).ok().map(|url| {
                let default = if self.backend == DbBackend::MySql {
                    3306
                } else {
                    5432
                };
                let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
                // A MySQL schema is a database of its own, whichever one the URL names.
                let database = match self.backend {
                    DbBackend::MySql => String::new(),
                    _ => url.path().to_owned(),
                };
                (host, url.port().unwrap_or(default), database)
            })
        };
        place(self) == place(other)
    }

    /// Before and from the `?`.
    fn split(&self) -> (&str, &str) {
        let url = self.expose();
        url.split_at(url.find('?').unwrap_or(url.len()))
    }
}

impl std::str::FromStr for DatabaseUrl {
    type Err = TenantError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        Self::new(url)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({}, [REDACTED])", product(self.backend))
    }
}

impl PartialEq for DatabaseUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for DatabaseUrl {}

impl Hash for DatabaseUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

/// Deserialising validates. There is no `Serialize`: a URL is a secret.
impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
