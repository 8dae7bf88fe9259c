use sea_orm::DbBackend;
use serde::Deserialize;

use super::{ConnectionInfo, Placement};
use crate::{DatabaseUrl, InvalidSchemaName, SchemaName, TenantError, TenantId};

/// Where a tenant's tables are to be, as it is written down, with what may be left out.
///
/// Holds a secret, the database's URL: `Debug` leaves it out, and there is no `Serialize`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConnectionEntry {
    /// The database; on SQLite the directory of the tenants' files, or the file of a dedicated one.
    #[serde(default)]
    pub url: Option<DatabaseUrl>,
    /// The schema in a shared database.
    #[serde(default)]
    pub schema: Option<SchemaName>,
    /// Whether the database is the tenant's alone.
    #[serde(default)]
    pub placement: Option<Placement>,
}

/// Why a [`ConnectionEntry`] is no place of a tenant. Nothing of a URL is in the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPlacement {
    /// A schema is named in a dedicated database.
    #[error("a tenant in a dedicated database uses its default schema; leave `schema` out")]
    SchemaOfDedicated,

    /// A dedicated database is not said, and another one is not the tenant's own.
    #[error("a dedicated database needs a `url` of its own")]
    DedicatedWithoutUrl,

    /// No database is said, and there is none for all tenants.
    #[error("it has no `url`, and there is no database for tenants that have none; say `url`")]
    NoUrl,

    /// The shared database that a tenant goes to is not said; the one that it is in is its own.
    #[error("a tenant that leaves its dedicated database needs the `url` of the shared one")]
    SharedWithoutUrl,

    /// The name of the tenant's SQLite file is none that a schema gives it.
    #[error("its file is not named by a schema in a directory; say `url` and `schema`")]
    FileWithoutSchema,

    /// The URL of a dedicated MySQL database names none.
    #[error(
        "the `url` of a dedicated MySQL database names none; say it behind the host: mysql://host/acme"
    )]
    NoDatabase,

    /// A dedicated PostgreSQL database has a name of which the server reads a part.
    #[error(
        "the name of a dedicated database has {len} bytes, of which PostgreSQL reads the first {}; shorten it",
        SchemaName::MAX_LEN
    )]
    LongDatabase {
        /// How many bytes it has.
        len: usize,
    },

    /// A dedicated database has a name that cannot be a tenant's.
    #[error(
        "the dedicated database that `url` names cannot be a tenant's; name it with 1 to 63 letters, digits, `_` and `-`, and not as one of the server's own"
    )]
    Dedicated(#[source] InvalidSchemaName),
}

/// With what is wrong with the name.
impl From<InvalidPlacement> for TenantError {
    fn from(error: InvalidPlacement) -> Self {
        Self::Configuration(match &error {
            InvalidPlacement::Dedicated(name) => format!("{error}: {name}"),
            _ => error.to_string(),
        })
    }
}

impl ConnectionEntry {
    /// The place of a new tenant. What is left out is the database for all tenants, a schema that is
    /// named by convention, and [`Placement::Shared`].
    ///
    /// # Errors
    ///
    /// [`InvalidPlacement`] when the entry contradicts itself, or when there is no database.
    pub fn place(
        self,
        id: &TenantId,
        database: Option<&DatabaseUrl>,
    ) -> Result<ConnectionInfo, InvalidPlacement> {
        match self.placement.unwrap_or_default() {
            Placement::Dedicated => self.dedicated(),
            Placement::Shared => {
                let url = self.url.as_ref().or(database);
                let schema = self.schema.unwrap_or_else(|| SchemaName::for_tenant(id));
                Ok(ConnectionInfo::shared_in(
                    url.ok_or(InvalidPlacement::NoUrl)?,
                    schema,
                ))
            }
        }
    }

    /// The place of a tenant that was somewhere already. What is left out stays as it was.
    ///
    /// A tenant that goes from a shared database to a dedicated one, or back, has to say which one. On
    /// its way back its schema is named by convention, unless told: in its own it had none.
    ///
    /// # Errors
    ///
    /// [`InvalidPlacement`] when the entry makes no sense for a tenant that is there.
    pub fn change(
        mut self,
        id: &TenantId,
        current: &ConnectionInfo,
    ) -> Result<ConnectionInfo, InvalidPlacement> {
        let placement = self.placement.unwrap_or(current.placement());
        if placement != current.placement() {
            return match placement {
                Placement::Shared if self.url.is_none() => Err(InvalidPlacement::SharedWithoutUrl),
                _ => self.place(id, None),
            };
        }
        // The URL of a tenant's file, as it is shown, is no directory.
        self.url.take_if(|url| *url == *current.url());
        if self.schema.is_none() && self.url.is_none() {
            return Ok(current.clone());
        }
        if placement == Placement::Dedicated {
            self.url.get_or_insert_with(|| current.url().clone());
            return self.dedicated();
        }
        let (url, schema) = match current.url().backend() {
            DbBackend::Sqlite => current.url().directory_and_schema().unzip(),
            _ => (Some(current.url().clone()), Some(current.schema().clone())),
        };
        Ok(ConnectionInfo::shared_in(
            &self
                .url
                .or(url)
                .ok_or(InvalidPlacement::FileWithoutSchema)?,
            self.schema
                .or(schema)
                .ok_or(InvalidPlacement::FileWithoutSchema)?,
        ))
    }

    /// Whether it says everything, so that what it replaces makes no difference.
    #[cfg(feature = "database-store")]
    pub(crate) fn is_whole(&self) -> bool {
        match self.placement {
            Some(Placement::Dedicated) => self.url.is_some(),
            Some(Placement::Shared) => self.url.is_some() && self.schema.is_some(),
            None => false,
        }
    }

    fn dedicated(self) -> Result<ConnectionInfo, InvalidPlacement> {
        if self.schema.is_some() {
            return Err(InvalidPlacement::SchemaOfDedicated);
        }
        let url = self.url.ok_or(InvalidPlacement::DedicatedWithoutUrl)?;
        ConnectionInfo::dedicated(&url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: TenantId = TenantId::from_static("acme");

    fn entry(json: &str) -> ConnectionEntry {
        serde_json::from_str(json).unwrap()
    }

    fn url(url: &str) -> DatabaseUrl {
        DatabaseUrl::new(url).unwrap()
    }

    /// Where the tenant is after the change, as one text.
    fn changed(current: &ConnectionInfo, json: &str) -> Result<String, InvalidPlacement> {
        let placed = entry(json).change(&ACME, current)?;
        Ok(format!(
            "{} {} {:?}",
            placed.url().expose(),
            placed.schema(),
            placed.placement()
        ))
    }

    #[test]
    fn entries_that_contradict_themselves_are_refused() {
        let refused = |json: &str| entry(json).place(&ACME, None).unwrap_err();
        assert_eq!(refused("{}"), InvalidPlacement::NoUrl);
        assert_eq!(
            refused(r#"{"placement":"dedicated"}"#),
            InvalidPlacement::DedicatedWithoutUrl
        );
        assert_eq!(
            refused(r#"{"placement":"dedicated","url":"sqlite:///a","schema":"b"}"#),
            InvalidPlacement::SchemaOfDedicated
        );
        let unnamed = refused(r#"{"placement":"dedicated","url":"mysql://u:hunter2@h/my-sql.x"}"#);
        assert!(!unnamed.to_string().contains("my-sql"), "{unnamed}");
    }

    #[test]
    fn what_is_left_out_of_a_change_stays_in_a_shared_database() {
        let current =
            ConnectionInfo::shared_in(&url("postgres://u:old@h/app"), "legacy".parse().unwrap());
        for (json, expected) in [
            ("{}", "postgres://u:old@h/app legacy Shared"),
            (
                r#"{"placement":"shared"}"#,
                "postgres://u:old@h/app legacy Shared",
            ),
            (
                r#"{"url":"postgres://u:new@h/app"}"#,
                "postgres://u:new@h/app legacy Shared",
            ),
            (
                r#"{"schema":"other"}"#,
                "postgres://u:old@h/app other Shared",
            ),
            (
                r#"{"url":"postgres://u:new@h/app","schema":"other"}"#,
                "postgres://u:new@h/app other Shared",
            ),
            (
                r#"{"url":"postgres://h/acme","placement":"dedicated"}"#,
                "postgres://h/acme public Dedicated",
            ),
        ] {
            assert_eq!(changed(&current, json).unwrap(), expected, "{json}");
        }
        assert_eq!(
            changed(&current, r#"{"placement":"dedicated"}"#),
            Err(InvalidPlacement::DedicatedWithoutUrl)
        );
    }

    #[test]
    fn what_is_left_out_of_a_change_stays_in_a_dedicated_database() {
        let current = ConnectionInfo::dedicated(&url("postgres://u:old@h/acme")).unwrap();
        for (json, expected) in [
            ("{}", "postgres://u:old@h/acme public Dedicated"),
            (
                r#"{"placement":"dedicated"}"#,
                "postgres://u:old@h/acme public Dedicated",
            ),
            (
                r#"{"url":"postgres://u:new@h/acme"}"#,
                "postgres://u:new@h/acme public Dedicated",
            ),
            (
                r#"{"url":"postgres://h/app","placement":"shared"}"#,
                "postgres://h/app tenant_acme Shared",
            ),
            (
                r#"{"url":"postgres://h/app","placement":"shared","schema":"other"}"#,
                "postgres://h/app other Shared",
            ),
        ] {
            assert_eq!(changed(&current, json).unwrap(), expected, "{json}");
        }
        for (json, expected) in [
            (r#"{"schema":"other"}"#, InvalidPlacement::SchemaOfDedicated),
            (
                r#"{"placement":"shared"}"#,
                InvalidPlacement::SharedWithoutUrl,
            ),
        ] {
            assert_eq!(changed(&current, json), Err(expected), "{json}");
        }
    }

    #[test]
    fn what_is_left_out_of_a_change_stays_in_a_directory_of_files() {
        let current = ConnectionInfo::shared_in(
            &url("sqlite:///one?cache=private"),
            "legacy".parse().unwrap(),
        );
        for (json, expected) in [
            (
                "{}",
                "sqlite:///one/legacy.sqlite?cache=private main Shared",
            ),
            (
                r#"{"url":"sqlite:///one/legacy.sqlite?cache=private"}"#,
                "sqlite:///one/legacy.sqlite?cache=private main Shared",
            ),
            (
                r#"{"url":"sqlite:///two"}"#,
                "sqlite:///two/legacy.sqlite main Shared",
            ),
            (
                r#"{"schema":"other"}"#,
                "sqlite:///one/other.sqlite?cache=private main Shared",
            ),
            (
                r#"{"url":"postgres://h/app"}"#,
                "postgres://h/app legacy Shared",
            ),
            (
                r#"{"url":"sqlite:///acme.sqlite","placement":"dedicated"}"#,
                "sqlite:///acme.sqlite main Dedicated",
            ),
        ] {
            assert_eq!(changed(&current, json).unwrap(), expected, "{json}");
        }
    }

    #[test]
    #[cfg(any(feature = "service-client", feature = "database-store"))]
    fn a_file_that_no_schema_named_has_to_be_said_anew() {
        let current =
            ConnectionInfo::of_parts(&url("sqlite:///one/Acme.db"), "main", Placement::Shared);
        let current = current.unwrap();
        let refused = Err(InvalidPlacement::FileWithoutSchema);
        assert_eq!(changed(&current, r#"{"url":"sqlite:///two"}"#), refused);
        assert_eq!(changed(&current, r#"{"schema":"acme"}"#), refused);
        let json = r#"{"url":"sqlite:///two","schema":"acme"}"#;
        let expected = "sqlite:///two/acme.sqlite main Shared";
        assert_eq!(changed(&current, json).unwrap(), expected);
    }
}
