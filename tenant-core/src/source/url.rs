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

    /// What is the same for all URLs of one database, whoever logs in and with whichever options.
    /// Holds no secret.
    pub(crate) fn place(&self) -> String {
        if let Some(file) = self.file() {
            return format!("sqlite {}", file.display());
        }
        let Ok(url) = Url::parse(self.expose()) else {
            return String::new();
        };
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        match self.backend {
            // A MySQL schema is a database of its own, whichever one the URL names.
            DbBackend::MySql => format!("mysql {host}:{}", url.port().unwrap_or(3306)),
            _ => format!(
                "postgres {host}:{}{}",
                url.port().unwrap_or(5432),
                url.path()
            ),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn url(url: &str) -> DatabaseUrl {
        DatabaseUrl::new(url).unwrap()
    }

    #[test]
    fn schemes_name_the_backend() {
        assert_eq!(url("postgres://h/d").backend(), DbBackend::Postgres);
        assert_eq!(url("postgresql://h/d").backend(), DbBackend::Postgres);
        assert_eq!(url("mysql://h/d").backend(), DbBackend::MySql);
        assert_eq!(url("mariadb://h/d").backend(), DbBackend::MySql);
        assert_eq!(url("sqlite:///d").backend(), DbBackend::Sqlite);
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        for refused in ["hunter2", "http://u:hunter2@h", "sqlite::memory:?p=hunter2"] {
            let error = DatabaseUrl::new(refused).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn it_prints_redacted() {
        let shown = format!("{:?}", url("postgres://app:hunter2@db.internal/app"));
        assert_eq!(shown, "DatabaseUrl(PostgreSQL, [REDACTED])");
    }

    #[test]
    fn the_password_comes_off_decoded() {
        let (bare, password) = url("mysql://app:a%40b%25@h:1/d?x=y").without_password();
        assert_eq!(bare, "mysql://app@h:1/d?x=y");
        assert_eq!(password.unwrap().expose_secret(), "a@b%");
        let (bare, password) = url("postgres://h/d").without_password();
        assert_eq!(bare, "postgres://h/d");
        assert!(password.is_none());
    }

    #[test]
    fn one_database_has_many_urls() {
        let same = |one: &str, other: &str| url(one).place() == url(other).place();
        assert!(same(
            "postgres://a:x@Host/d",
            "postgresql://b:y@host:5432/d?sslmode=require"
        ));
        assert!(!same("postgres://h/d", "postgres://h/e"));
        assert!(!same("postgres://h/d", "postgres://h:5433/d"));
        // A schema is a database of its own there, whichever one the URL names.
        assert!(same("mysql://h/d", "mysql://h:3306/e"));
        assert!(!same("mysql://h/d", "postgres://h/d"));
        assert!(same("sqlite:///a%20b/c", "sqlite:///a b/c?mode=rwc"));
        assert!(!same("sqlite:///a", "sqlite:///b"));
    }

    #[test]
    fn a_tenants_file_is_in_the_directory() {
        let schema = SchemaName::for_tenant(&crate::TenantId::from_static("acme"));
        let file = |directory: &str| url(directory).file_in(&schema).expose().to_owned();
        assert_eq!(file("sqlite:///v/t"), "sqlite:///v/t/tenant_acme.sqlite");
        assert_eq!(
            file("sqlite:///v/t/?mode=rwc"),
            "sqlite:///v/t/tenant_acme.sqlite?mode=rwc"
        );
        assert_eq!(file("sqlite://data"), "sqlite://data/tenant_acme.sqlite");
        assert_eq!(
            url("sqlite://data").file_in(&schema).file(),
            Some("data/tenant_acme.sqlite".into())
        );
    }

    #[test]
    fn a_path_becomes_a_url_and_a_path_again() {
        for path in ["/tmp/a b/c%20d?e#f.sqlite", "/tmp/ü"] {
            let url = DatabaseUrl::sqlite(path).unwrap();
            assert_eq!(
                url.file().as_deref(),
                Some(Path::new(path)),
                "{}",
                url.expose()
            );
        }
    }

    #[test]
    fn another_default_database_on_the_same_server() {
        let schema: SchemaName = "tenant_acme".parse().unwrap();
        assert_eq!(
            url("mysql://u:p@h:1/app?charset=utf8mb4")
                .with_database(&schema)
                .expose(),
            "mysql://u:p@h:1/tenant_acme?charset=utf8mb4"
        );
    }
}
