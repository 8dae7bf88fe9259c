mod entry;

use std::{fmt, str::FromStr};

use sea_orm::DbBackend;
use serde::Deserialize;

pub use self::entry::{ConnectionEntry, InvalidPlacement};
#[cfg(any(feature = "service-client", feature = "database-store"))]
use crate::TenantError;
use crate::{DatabaseUrl, SchemaName, TenantId};

/// Where a tenant's tables are: in which database, and in which schema of it.
///
/// Holds a secret, the database's URL: `Debug` leaves it out, and there is no `Serialize`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    url: DatabaseUrl,
    schema: SchemaName,
    placement: Placement,
}

/// Whether a tenant has its database for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Placement {
    /// One schema of a database in which other tenants have theirs. On SQLite: one file in a
    /// directory in which other tenants have theirs.
    #[default]
    Shared,
    /// A database of the tenant's own, in which `$tenant` is the default schema.
    Dedicated,
}

impl Placement {
    /// The placement as its one lowercase word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Dedicated => "dedicated",
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is the name of no placement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no placement; there are shared and dedicated")]
pub struct UnknownPlacement;

impl FromStr for Placement {
    type Err = UnknownPlacement;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Shared, Self::Dedicated]
            .into_iter()
            .find(|placement| placement.as_str() == word)
            .ok_or(UnknownPlacement)
    }
}

impl ConnectionInfo {
    /// A schema of its own, named by convention, in a database that tenants share.
    ///
    /// On SQLite the URL is that of a directory, and the tenant gets a file in it:
    /// `sqlite:///var/lib/app/tenants` becomes `sqlite:///var/lib/app/tenants/tenant_acme.sqlite`.
    #[must_use]
    pub fn shared(url: &DatabaseUrl, id: &TenantId) -> Self {
        Self::shared_in(url, SchemaName::for_tenant(id))
    }

    /// As [`shared`](Self::shared), with a schema whose name is not that of the convention.
    #[must_use]
    pub fn shared_in(url: &DatabaseUrl, schema: SchemaName) -> Self {
        match url.backend() {
            DbBackend::Sqlite => Self {
                url: url.file_in(&schema),
                schema: SchemaName::sqlite_main(),
                placement: Placement::Shared,
            },
            _ => Self {
                url: url.clone(),
                schema,
                placement: Placement::Shared,
            },
        }
    }

    /// A database of the tenant's own: `$tenant` is `public` on PostgreSQL, the database itself on
    /// MySQL, `main` on SQLite.
    ///
    /// # Errors
    ///
    /// [`InvalidPlacement`] when the URL of a MySQL database names none, or one that cannot be a
    /// tenant's; when that of a PostgreSQL database names one of more than 63 bytes, of which the server
    /// reads the first 63, and so takes two databases for one.
    pub fn dedicated(url: &DatabaseUrl) -> Result<Self, InvalidPlacement> {
        let schema = match url.backend() {
            DbBackend::MySql => match url.database().as_str() {
                "" => return Err(InvalidPlacement::NoDatabase),
                database => SchemaName::in_dedicated_database(database)
                    .map_err(InvalidPlacement::Dedicated)?,
            },
            DbBackend::Sqlite => SchemaName::sqlite_main(),
            _ => {
                let len = url.postgres_database().len();
                if len > SchemaName::MAX_LEN {
                    return Err(InvalidPlacement::LongDatabase { len });
                }
                SchemaName::postgres_public()
            }
        };
        Ok(Self {
            url: url.of_existing_file(),
            schema,
            placement: Placement::Dedicated,
        })
    }

    /// The database.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The schema that `$tenant` stands for.
    #[must_use]
    pub fn schema(&self) -> &SchemaName {
        &self.schema
    }

    /// Whether the database is the tenant's alone.
    #[must_use]
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Whether two tenants placed so would see each other's rows. Compares what the URLs say: two
    /// names of one host are not seen to be one.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    /// As a store that wrote down [`url`](Self::url), [`schema`](Self::schema) and
    /// [`placement`](Self::placement) has it back.
    #[cfg(any(feature = "service-client", feature = "database-store"))]
    pub(crate) fn of_parts(
        url: &DatabaseUrl,
        schema: &str,
        placement: Placement,
    ) -> Result<Self, TenantError> {
        let has_own = placement == Placement::Dedicated || url.backend() == DbBackend::Sqlite;
        // In a database of its own, `public` and `main` are not the name of somebody else's schema.
        let schema = match has_own {
            true => SchemaName::in_dedicated_database(schema)?,
            false => schema.parse()?,
        };
        let expected = match (placement, url.backend()) {
            (Placement::Dedicated, _) => Some(Self::dedicated(url)?.schema),
            (Placement::Shared, DbBackend::Sqlite) => Some(SchemaName::sqlite_main()),
            (Placement::Shared, _) => None,
        };
        if let Some(expected) = expected.filter(|expected| *expected != schema) {
            return Err(TenantError::Configuration(format!(
                "the schema in that database is {expected}, and not {schema}"
            )));
        }
        Ok(Self {
            url: url.of_existing_file(),
            schema,
            placement,
        })
    }

    /// What no two tenants may have in common.
    pub(crate) fn place(&self) -> String {
        let schema = match self.url.backend() {
            // MySQL folds the case of databases on some file systems.
            DbBackend::MySql => self.schema.as_str().to_ascii_lowercase(),
            _ => self.schema.to_string(),
        };
        format!("{} {schema}", self.url.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: TenantId = TenantId::from_static("acme");

    fn url(url: &str) -> DatabaseUrl {
        DatabaseUrl::new(url).unwrap()
    }

    #[test]
    fn a_shared_database_has_a_schema_a_tenant() {
        let placed = ConnectionInfo::shared(&url("postgres://h/app"), &ACME);
        assert_eq!(placed.schema().as_str(), "tenant_acme");
        assert_eq!(placed.url().expose(), "postgres://h/app");
        assert_eq!(placed.placement(), Placement::Shared);
    }

    #[test]
    fn a_shared_directory_has_a_file_a_tenant() {
        let placed = ConnectionInfo::shared(&url("sqlite:///tenants"), &ACME);
        assert_eq!(placed.schema().as_str(), "main");
        assert_eq!(
            placed.url().expose(),
            "sqlite:///tenants/tenant_acme.sqlite"
        );
    }

    #[test]
    fn a_dedicated_database_uses_its_default_schema() {
        let schema = |database: &str| {
            let placed = ConnectionInfo::dedicated(&url(database)).unwrap();
            assert_eq!(placed.placement(), Placement::Dedicated);
            placed.schema().to_string()
        };
        assert_eq!(schema("postgres://h/acme"), "public");
        assert_eq!(schema("mysql://h/acmeDb"), "acmeDb");
        assert_eq!(schema("sqlite:///acme.sqlite"), "main");
        let refused = |database: &str| {
            let refused = ConnectionInfo::dedicated(&url(database)).unwrap_err();
            TenantError::from(refused).to_string()
        };
        assert!(refused("mysql://h").contains("names none"));
        assert!(refused("mysql://h/mysql").contains("a server keeps it for itself"));
        assert!(refused("mysql://h/a.b").contains("upper and lower case"));
        let long = format!("postgres://h/{}", "a".repeat(64));
        assert!(refused(&long).contains("64 bytes"));
    }

    #[test]
    fn overlapping_is_one_schema_of_one_database() {
        let app = url("postgres://h/app");
        let acme = ConnectionInfo::shared(&app, &ACME);
        let other = ConnectionInfo::shared_in(&url("postgres://x@h:5432/app"), acme.schema.clone());
        assert!(acme.overlaps(&other));
        assert!(!acme.overlaps(&ConnectionInfo::shared(&url("postgres://h/eu"), &ACME)));
        let globex = TenantId::from_static("globex");
        assert!(!acme.overlaps(&ConnectionInfo::shared(&app, &globex)));
    }

    #[test]
    fn a_placement_is_its_word() {
        for placement in [Placement::Shared, Placement::Dedicated] {
            assert_eq!(placement.to_string().parse(), Ok(placement));
        }
        assert_eq!("Shared".parse::<Placement>(), Err(UnknownPlacement));
    }

    #[test]
    fn debug_has_no_url() {
        let shown = format!(
            "{:?}",
            ConnectionInfo::shared(&url("mysql://u:hunter2@h/d"), &ACME)
        );
        assert!(
            shown.contains("tenant_acme") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
