//! Which database a URL leads to, whoever logs in and with whichever options.

use std::path::{Path, PathBuf};

use sea_orm::DbBackend;
use url::Url;

use super::{DatabaseUrl, decoded};

impl DatabaseUrl {
    /// The database that a PostgreSQL server is asked for: as libpq has it, that of the user's name
    /// unless another one is named.
    pub(crate) fn postgres_database(&self) -> String {
        let Ok(url) = Url::parse(self.expose()) else {
            return String::new();
        };
        let database = parameter(&url, &["dbname"])
            .unwrap_or_else(|| decoded(url.path().trim_start_matches('/')));
        match database.as_str() {
            "" => parameter(&url, &["user"]).unwrap_or_else(|| decoded(url.username())),
            _ => database,
        }
    }

    /// What is the same for all URLs of one database, whoever logs in and with whichever options.
    /// Holds no secret. Two names of one host, or two links to one file that does not exist yet,
    /// are not seen to be the same.
    pub(crate) fn place(&self) -> String {
        if let Some(file) = self.file() {
            return format!("sqlite {}", real_path(&file).display());
        }
        let Ok(url) = Url::parse(self.expose()) else {
            return String::new();
        };
        let host = parameter(&url, &["host", "hostaddr"])
            .unwrap_or_else(|| decoded(url.host_str().unwrap_or_default()));
        let host = match host.trim_end_matches('.').to_ascii_lowercase().as_str() {
            "" | "127.0.0.1" | "[::1]" | "::1" => "localhost".to_owned(),
            host => host.to_owned(),
        };
        let port = parameter(&url, &["port"]).or_else(|| url.port().map(|port| port.to_string()));
        if self.backend == DbBackend::MySql {
            // A schema is a database of its own, whichever one the URL names.
            return format!("mysql {host}:{}", port.as_deref().unwrap_or("3306"));
        }
        let database = self.postgres_database();
        format!(
            "postgres {host}:{}/{database}",
            port.as_deref().unwrap_or("5432")
        )
    }
}

/// The last one counts, as drivers have it.
fn parameter(url: &Url, names: &[&str]) -> Option<String> {
    url.query_pairs()
        .filter(|(key, _)| names.contains(&key.as_ref()))
        .last()
        .map(|(_, value)| value.into_owned())
}

/// The path without `.`, `..` and links, as far as it exists.
fn real_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = absolute
        .ancestors()
        .find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, mut real)) = existing else {
        return absolute;
    };
    for component in absolute.strip_prefix(above).unwrap_or(Path::new("")) {
        match component.to_str() {
            Some("..") => {
                real.pop();
            }
            _ => real.push(component),
        }
    }
    real
}
