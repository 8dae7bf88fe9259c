mod place;

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    sync::Arc,
};

use sea_orm::DbBackend;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use url::{Url, form_urlencoded};

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
    /// Takes a URL after looking at its form. Nothing is connected. White space around it, as behind a
    /// secret that was mounted as a file, is left out.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`], without the URL, when it is not a URL, when its scheme is none
    /// of the three, when a password stands among its parameters (drivers write those into their
    /// logs), or for `sqlite::memory:`, which ends with its connection.
    pub fn new(url: impl Into<String>) -> Result<Self, TenantError> {
        let mut url = url.into().trim().to_owned();
        let refused = |why: String| Err(TenantError::Configuration(why));
        let parsed = match Url::parse(&url) {
            Ok(parsed) => parsed,
            Err(error) => return refused(format!("a database URL is not a URL: {error}")),
        };
        // Drivers leave some of them out wherever they stand, so that the text would be another than theirs.
        if url.contains(char::is_control) {
            return refused("a database URL has a control character in it".to_owned());
        }
        let backend = match parsed.scheme() {
            "postgres" | "postgresql" => DbBackend::Postgres,
            "mysql" => DbBackend::MySql,
            // The driver knows one name for both.
            "mariadb" => {
                url.replace_range(.."mariadb".len(), "mysql");
                DbBackend::MySql
            }
            "sqlite" => DbBackend::Sqlite,
            other => {
                return refused(format!(
                    "a database URL begins with {other:?}; postgres, mysql and sqlite are supported"
                ));
            }
        };
        let secret = |key: &str| key.contains("pass") || key.contains("pwd");
        if parsed
            .query_pairs()
            .any(|(key, _)| secret(&key.to_ascii_lowercase()))
        {
            return refused(
                "a database URL has a password among its parameters; write it in front of the host: user:password@host"
                    .to_owned(),
            );
        }
        let is_memory =
            |(key, value): (Cow<'_, str>, Cow<'_, str>)| key == "mode" && value == "memory";
        if backend == DbBackend::Sqlite
            && (url.contains(":memory:") || parsed.query_pairs().any(is_memory))
        {
            return refused(
                "an in-memory SQLite database ends with its connection; use a file".to_owned(),
            );
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
        let password = url
            .password()
            .map(|password| SecretString::from(decoded(password)));
        if password.is_none() || url.set_password(None).is_err() {
            return (self.expose().to_owned(), None);
        }
        (url.into(), password)
    }

    /// The same server, with another default database.
    pub(crate) fn with_database(&self, database: &SchemaName) -> Self {
        self.with_path(database.as_str())
    }

    /// The same server, with no database: what a database that is not there yet is made through.
    #[must_use]
    pub fn without_database(&self) -> Self {
        self.with_path("")
    }

    fn with_path(&self, path: &str) -> Self {
        let mut url = self.clone();
        if let Ok(mut parsed) = Url::parse(self.expose()) {
            parsed.set_path(path);
            url.secret = Arc::new(String::from(parsed).into());
        }
        url
    }

    /// The URL of a tenant's SQLite file in the directory that this one names.
    pub(crate) fn file_in(&self, schema: &SchemaName) -> Self {
        let (directory, options) = self.split();
        let directory = directory.trim_end_matches('/');
        let url = format!("{directory}/{schema}.sqlite{options}");
        let file = Self {
            secret: Arc::new(url.into()),
            backend: self.backend,
        };
        file.of_existing_file()
    }

    /// The directory and the schema of which [`file_in`](Self::file_in) made this URL, where it did.
    pub(crate) fn directory_and_schema(&self) -> Option<(Self, SchemaName)> {
        let (path, options) = self.split();
        let (directory, name) = path.rsplit_once('/')?;
        let schema = name.strip_suffix(".sqlite")?.parse().ok()?;
        if directory.ends_with(['/', ':']) {
            return None;
        }
        let directory = Self {
            secret: Arc::new(format!("{directory}{options}").into()),
            backend: self.backend,
        };
        Some((directory, schema))
    }

    /// The same SQLite file, which is not created when it is missing: an empty file where a
    /// tenant's should be would look like a tenant without rows. Other URLs are what they were.
    pub(crate) fn of_existing_file(&self) -> Self {
        if self.backend != DbBackend::Sqlite {
            return self.clone();
        }
        let (path, options) = self.split();
        let kept: Vec<_> = options
            .trim_start_matches('?')
            .split('&')
            .filter(|option| {
                // As the driver reads it.
                let mut pairs = form_urlencoded::parse(option.as_bytes());
                let creates = pairs.any(|(key, value)| key == "mode" && value == "rwc");
                !option.is_empty() && !creates
            })
            .collect();
        let url = match kept.as_slice() {
            [] => path.to_owned(),
            kept => format!("{path}?{}", kept.join("&")),
        };
        Self {
            secret: Arc::new(url.into()),
            backend: self.backend,
        }
    }

    /// The path of an SQLite file; `None` for other databases.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        if self.backend != DbBackend::Sqlite {
            return None;
        }
        let (path, _) = self.split();
        let path = path.strip_prefix("sqlite:").unwrap_or(path);
        let path = path.strip_prefix("//").unwrap_or(path);
        // The driver decodes the path too.
        Some(PathBuf::from(decoded(path)))
    }

    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        Url::parse(self.expose()).is_ok_and(|url| url.query_pairs().any(|(key, _)| key == name))
    }

    /// Whether a pooler gives each transaction another server connection, as far as one can tell: it
    /// could not find prepared statements again, so there are to be none.
    pub(crate) fn is_pooled_by_transaction(&self) -> bool {
        Url::parse(self.expose()).is_ok_and(|url| {
            url.query_pairs().any(|(key, capacity)| {
                key == "statement-cache-capacity" && capacity.parse() == Ok(0_usize)
            })
        })
    }

    /// Before and from the `?`.
    fn split(&self) -> (&str, &str) {
        let url = self.expose();
        url.split_at(url.find('?').unwrap_or(url.len()))
    }
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part)
        .decode_utf8_lossy()
        .into_owned()
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
        Arc::ptr_eq(&self.secret, &other.secret) || self.expose() == other.expose()
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

#[cfg(test)]
mod tests;
