use std::{borrow::Borrow, fmt, str::FromStr};

use sea_orm::DbBackend;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use crate::TenantId;

/// The name of the schema (on MySQL: the database) that holds one tenant's tables.
///
/// At most [`SchemaName::MAX_LEN`] bytes of `[a-z0-9_-]`, beginning with a letter, a digit or
/// `'_'`, and not one of the names that PostgreSQL, MySQL or SQLite keep for themselves or resolve
/// to by default. Lowercase only, because MySQL folds case on some file systems: two names that
/// differ here differ everywhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaName(SmolStr);

impl SchemaName {
    /// The longest name, in bytes: PostgreSQL truncates identifiers beyond 63 (`NAMEDATALEN` - 1);
    /// MySQL takes 64 characters.
    pub const MAX_LEN: usize = 63;

    /// What [`for_tenant`](Self::for_tenant) puts in front of a tenant's id.
    pub const TENANT_PREFIX: &'static str = "tenant_";

    /// The schema of a tenant by convention: `tenant_` and its id.
    ///
    /// Total and injective by construction: every id has a schema, no two ids share one, and no
    /// reserved name begins with the prefix.
    #[must_use]
    pub fn for_tenant(id: &TenantId) -> Self {
        Self(smol_str::format_smolstr!("{}{id}", Self::TENANT_PREFIX))
    }

    /// Makes a name of a literal, at no cost, also in a `const`.
    ///
    /// # Panics
    ///
    /// When the literal is no valid name: at compile time in a `const`. For anything that is not a
    /// literal use `TryFrom` or [`str::parse`].
    #[must_use]
    pub const fn from_static(name: &'static str) -> Self {
        assert!(
            check(name, Letters::Lowercase).is_none(),
            "a schema name is 1 to 63 bytes of lowercase letters, digits, '_' and '-', the first one not '-', and not reserved by a database server"
        );
        Self(SmolStr::new_static(name))
    }

    /// The schema inside a database that belongs to one tenant alone, where the names that are
    /// otherwise reserved are what one uses: `public`, `main`, the name of a MySQL database.
    /// Upper case is accepted too. The servers' own catalogues are refused all the same.
    ///
    /// # Errors
    ///
    /// [`InvalidSchemaName`] when it is empty, too long, has another character, or is a system
    /// catalogue.
    pub fn in_dedicated_database(name: &str) -> Result<Self, InvalidSchemaName> {
        validate(name, Letters::Any)?;
        Ok(Self(SmolStr::from(name)))
    }

    /// The default schema of a PostgreSQL database: a tenant's, where the database is.
    pub(crate) const fn postgres_public() -> Self {
        Self(SmolStr::new_static("public"))
    }

    /// The schema of an SQLite file, seen from a connection that opened it.
    pub(crate) const fn sqlite_main() -> Self {
        Self(SmolStr::new_static("main"))
    }

    /// The name as text, unquoted.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as an identifier of `backend`, quoted and escaped.
    ///
    /// ```
    /// # use {sea_orm::DbBackend, tenant_core::SchemaName};
    /// let schema: SchemaName = "acme".parse()?;
    /// assert_eq!(schema.quoted(DbBackend::Postgres), r#""acme""#);
    /// assert_eq!(schema.quoted(DbBackend::MySql), "`acme`");
    /// # Ok::<(), tenant_core::InvalidSchemaName>(())
    /// ```
    #[must_use]
    pub fn quoted(&self, backend: DbBackend) -> String {
        quote_identifier(self.as_str(), backend)
    }

    /// The name as a string literal.
    pub(crate) fn literal(&self) -> String {
        quote(self.as_str(), '\'')
    }
}

/// A text as an identifier.
pub(crate) fn quote_identifier(text: &str, backend: DbBackend) -> String {
    quote(text, identifier_quote(backend))
}

/// The character that encloses identifiers.
pub(crate) fn identifier_quote(backend: DbBackend) -> char {
    match backend {
        DbBackend::MySql => '`',
        _ => '"',
    }
}

/// Encloses in `quote`, doubling it inside. Valid names hold no quote; this escapes all the same,
/// so that no later change of the rules can open a hole here.
fn quote(text: &str, quote: char) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push(quote);
    for (number, part) in text.split(quote).enumerate() {
        if number > 0 {
            quoted.extend([quote, quote]);
        }
        quoted.push_str(part);
    }
    quoted.push(quote);
    quoted
}

/// Why a text is no [`SchemaName`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSchemaName {
    shown: Box<str>,
    fault: Fault,
    letters: Letters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong { len: usize },
    Byte { at: usize, byte: u8 },
    Reserved,
}

impl fmt::Display for InvalidSchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "schema name {:?} is invalid: ", self.shown)?;
        match self.fault {
            Fault::Empty => write!(f, "it is empty"),
            Fault::TooLong { len } => {
                write!(f, "it has {len} bytes, at most {} fit", SchemaName::MAX_LEN)
            }
            Fault::Byte { at, byte } => write!(
                f,
                "byte {at} is '{}'; schema names are {} letters, digits, '_' and '-', the first one not '-'",
                byte.escape_ascii(),
                match self.letters {
                    Letters::Lowercase => "lowercase",
                    Letters::Any => "upper and lower case",
                }
            ),
            Fault::Reserved => f.write_str(match self.letters {
                Letters::Lowercase => {
                    "it is reserved by a database server or is a default schema; use a name of the tenant's own, or place the tenant in a dedicated database"
                }
                Letters::Any => "a server keeps it for itself; use a name of the tenant's own",
            }),
        }
    }
}

impl std::error::Error for InvalidSchemaName {}

/// Whether upper case may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letters {
    /// No; and no name that is a default schema.
    Lowercase,
    /// Yes; in a dedicated database.
    Any,
}

/// The one place that says what a schema name is.
const fn check(name: &str, letters: Letters) -> Option<Fault> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Some(Fault::Empty);
    }
    if bytes.len() > SchemaName::MAX_LEN {
        return Some(Fault::TooLong { len: bytes.len() });
    }
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => {}
            b'-' if at > 0 => {}
            b'A'..=b'Z' if matches!(letters, Letters::Any) => {}
            byte => return Some(Fault::Byte { at, byte }),
        }
        at += 1;
    }
    let is_default = matches!(letters, Letters::Lowercase) && is_one_of(bytes, &DEFAULT_SCHEMAS);
    if begins_with_pg(bytes) || is_one_of(bytes, &SYSTEM_CATALOGUES) || is_default {
        return Some(Fault::Reserved);
    }
    None
}

fn validate(name: &str, letters: Letters) -> Result<(), InvalidSchemaName> {
    match check(name, letters) {
        None => Ok(()),
        Some(fault) => Err(InvalidSchemaName {
            shown: name.chars().take(SchemaName::MAX_LEN + 1).collect(),
            fault,
            letters,
        }),
    }
}

/// Schemas in which a server keeps its own tables. Nobody's tenant lives there.
const SYSTEM_CATALOGUES: [&str; 8] = [
    "information_schema",
    "mysql",
    "performance_schema",
    "sys",
    "temp",
    "ndbinfo",
    "sqlite_master",
    "sqlite_schema",
];

/// Schemas that unqualified names reach by default, or that poolers and extensions use.
const DEFAULT_SCHEMAS: [&str; 8] = [
    "public",
    "main",
    "postgres",
    "template0",
    "template1",
    "pgbouncer",
    "citus",
    "shared",
];

const fn begins_with_pg(name: &[u8]) -> bool {
    matches!(name, [p, g, b'_', ..] if p.eq_ignore_ascii_case(&b'p') && g.eq_ignore_ascii_case(&b'g'))
}

const fn is_one_of(name: &[u8], reserved: &[&str]) -> bool {
    let mut at = 0;
    while at < reserved.len() {
        if name.eq_ignore_ascii_case(reserved[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

impl FromStr for SchemaName {
    type Err = InvalidSchemaName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::try_from(name)
    }
}

impl TryFrom<&str> for SchemaName {
    type Error = InvalidSchemaName;

    fn try_from(name: &str) -> Result<Self, Self::Error> {
        validate(name, Letters::Lowercase)?;
        Ok(Self(SmolStr::from(name)))
    }
}

impl TryFrom<String> for SchemaName {
    type Error = InvalidSchemaName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::try_from(name.as_str())
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaName({})", self.as_str())
    }
}

impl AsRef<str> for SchemaName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Equality, order and hash are those of the text.
impl Borrow<str> for SchemaName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Serialize for SchemaName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Deserialising validates by the rule for shared databases: a dedicated one's schema follows from
/// its placement, and is not written down.
impl<'de> Deserialize<'de> for SchemaName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reserved_names_are_refused() {
        for name in [
            "pg_catalog",
            "pg_temp_3",
            "information_schema",
            "public",
            "main",
            "temp",
            "mysql",
            "sys",
            "performance_schema",
            "postgres",
        ] {
            let refused = SchemaName::try_from(name).unwrap_err();
            assert!(refused.to_string().contains("reserved"), "{name}");
        }
    }

    #[test]
    fn a_dedicated_database_may_use_the_default_schema_but_no_catalogue() {
        for name in ["public", "main", "acmeDb"] {
            assert_eq!(
                SchemaName::in_dedicated_database(name).unwrap().as_str(),
                name
            );
        }
        for name in ["pg_catalog", "MySQL", "information_schema", "temp", "a\"b"] {
            assert!(SchemaName::in_dedicated_database(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_literal_is_a_const() {
        const ACME: SchemaName = SchemaName::from_static("acme");
        assert_eq!(Ok(ACME), SchemaName::try_from("acme"));
    }

    #[test]
    fn the_placeholder_is_no_schema() {
        assert!(SchemaName::try_from("$tenant").is_err());
        assert!(SchemaName::in_dedicated_database("$tenant").is_err());
    }

    #[test]
    fn quoting_escapes() {
        let hostile = SchemaName(SmolStr::new_static("a\"b`c'd"));
        assert_eq!(hostile.quoted(DbBackend::Postgres), "\"a\"\"b`c'd\"");
        assert_eq!(hostile.quoted(DbBackend::MySql), "`a\"b``c'd`");
        assert_eq!(hostile.quoted(DbBackend::Sqlite), "\"a\"\"b`c'd\"");
        assert_eq!(hostile.literal(), "'a\"b`c''d'");
    }

    fn id() -> impl Strategy<Value = TenantId> {
        "[a-z0-9][a-z0-9_-]{0,55}".prop_map(|id| TenantId::try_from(id).unwrap())
    }

    proptest! {
        #[test]
        fn for_tenant_is_total(id in id()) {
            let schema = SchemaName::for_tenant(&id);
            prop_assert_eq!(SchemaName::try_from(schema.as_str()), Ok(schema));
        }

        #[test]
        fn for_tenant_is_injective(one in id(), other in id()) {
            prop_assert_eq!(one == other, SchemaName::for_tenant(&one) == SchemaName::for_tenant(&other));
        }

        #[test]
        fn a_name_never_holds_a_quote_or_a_dollar(name in "\\PC{0,70}") {
            for schema in [SchemaName::try_from(name.as_str()), SchemaName::in_dedicated_database(&name)].into_iter().flatten() {
                prop_assert!(!schema.as_str().contains(['"', '`', '\'', '$', '.', '\0', '\\']));
                prop_assert!(schema.as_str().len() <= SchemaName::MAX_LEN);
            }
        }
    }
}
