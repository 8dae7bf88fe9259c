use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

/// The canonical name of a tenant: 1 to [`TenantId::MAX_LEN`] bytes of `[a-z0-9_-]`, the first one
/// a letter or a digit.
///
/// One tenant has one spelling: no case folding, no trimming, no Unicode. An id is validated when
/// it is made, so whoever holds a `TenantId` need not check it again. Cloning costs a reference
/// count at most.
///
/// ```
/// use tenant_core::TenantId;
///
/// const HOUSE: TenantId = TenantId::from_static("house");
/// let acme: TenantId = "acme".parse()?;
/// assert_eq!(acme.as_str(), "acme");
/// assert!(TenantId::try_from("Acme").is_err());
/// # assert_eq!(HOUSE.as_str(), "house");
/// # Ok::<(), tenant_core::InvalidTenantId>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(SmolStr);

impl TenantId {
    /// The longest id, in bytes. With [`SchemaName::TENANT_PREFIX`](crate::SchemaName::TENANT_PREFIX)
    /// in front it fills PostgreSQL's 63 bytes for an identifier exactly, so nothing is ever
    /// truncated.
    pub const MAX_LEN: usize = 56;

    /// Makes an id of a literal, at no cost, also in a `const`.
    ///
    /// # Panics
    ///
    /// When the literal is no valid id: at compile time in a `const`. For anything that is not a
    /// literal use `TryFrom` or [`str::parse`].
    #[must_use]
    pub const fn from_static(id: &'static str) -> Self {
        assert!(
            check(id).is_none(),
            "a tenant id is 1 to 56 bytes of lowercase letters, digits, '_' and '-', the first one a letter or a digit"
        );
        Self(SmolStr::new_static(id))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Why a text is no [`TenantId`]. Shows the text (shortened and escaped) and the rule it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTenantId {
    /// At most [`SHOWN`] characters, so that an error never carries a megabyte of hostile input.
    shown: Box<str>,
    fault: Fault,
}

/// How many characters of a refused id its error repeats.
const SHOWN: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Empty,
    TooLong { len: usize },
    First { byte: u8 },
    Byte { at: usize, byte: u8 },
}

/// The one place that says what an id is.
const fn check(id: &str) -> Option<Fault> {
    let bytes = id.as_bytes();
    if bytes.is_empty() {
        return Some(Fault::Empty);
    }
    if bytes.len() > TenantId::MAX_LEN {
        return Some(Fault::TooLong { len: bytes.len() });
    }
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'a'..=b'z' | b'0'..=b'9' => {}
            byte @ (b'_' | b'-') if at == 0 => return Some(Fault::First { byte }),
            b'_' | b'-' => {}
            byte => return Some(Fault::Byte { at, byte }),
        }
        at += 1;
    }
    None
}

fn validate(id: &str) -> Result<(), InvalidTenantId> {
    match check(id) {
        None => Ok(()),
        Some(fault) => Err(InvalidTenantId {
            shown: id.chars().take(SHOWN).collect(),
            fault,
        }),
    }
}

impl fmt::Display for InvalidTenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant id {:?} is invalid: ", self.shown)?;
        match self.fault {
            Fault::Empty => write!(f, "it is empty"),
            Fault::TooLong { len } => {
                write!(f, "it has {len} bytes, at most {} fit", TenantId::MAX_LEN)
            }
            Fault::First { byte } => write!(
                f,
                "it begins with '{}'; the first byte is a lowercase letter or a digit",
                byte.escape_ascii()
            ),
            Fault::Byte { at, byte } => write!(
                f,
                "byte {at} is '{}'; ids are lowercase letters, digits, '_' and '-'",
                byte.escape_ascii()
            ),
        }
    }
}

impl std::error::Error for InvalidTenantId {}

impl TryFrom<&str> for TenantId {
    type Error = InvalidTenantId;

    fn try_from(id: &str) -> Result<Self, Self::Error> {
        validate(id)?;
        Ok(Self(SmolStr::from(id)))
    }
}

impl TryFrom<String> for TenantId {
    type Error = InvalidTenantId;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        validate(&id)?;
        Ok(Self(SmolStr::from(id)))
    }
}

impl FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::try_from(id)
    }
}

/// So that a `&TenantId` serves wherever `Into<TenantId>` is asked for.
impl From<&TenantId> for TenantId {
    fn from(id: &TenantId) -> Self {
        id.clone()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.as_str())
    }
}

impl AsRef<str> for TenantId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Equality, order and hash are those of the text.
impl Borrow<str> for TenantId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Serialize for TenantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Deserialising validates.
impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn message(id: &str) -> String {
        TenantId::try_from(id).unwrap_err().to_string()
    }

    #[test]
    fn a_literal_is_a_const() {
        const ACME: TenantId = TenantId::from_static("acme");
        assert_eq!(ACME, TenantId::try_from("acme").unwrap());
    }

    #[test]
    fn errors_name_the_byte_and_the_rule() {
        assert_eq!(
            message("Acme"),
            "tenant id \"Acme\" is invalid: byte 0 is 'A'; ids are lowercase letters, digits, '_' and '-'"
        );
        assert_eq!(
            message("-a"),
            "tenant id \"-a\" is invalid: it begins with '-'; the first byte is a lowercase letter or a digit"
        );
        assert_eq!(message(""), "tenant id \"\" is invalid: it is empty");
        assert!(message(&"a".repeat(57)).ends_with("it has 57 bytes, at most 56 fit"));
        assert!(message("a\0b").contains("byte 1 is '\\x00'"));
        assert!(message("a\r\nb").contains("\"a\\r\\nb\""));
    }

    #[test]
    fn an_error_does_not_carry_the_whole_input() {
        assert!(message(&"x".repeat(1 << 20)).len() < 256);
    }

    #[test]
    fn looks_up_by_str() {
        let tenants = HashMap::from([(TenantId::from_static("acme"), 1)]);
        assert_eq!(tenants.get("acme"), Some(&1));
    }

    #[test]
    fn deserialising_validates() {
        assert_eq!(
            serde_json::from_str::<TenantId>("\"acme\"").unwrap(),
            TenantId::from_static("acme")
        );
        let refused = serde_json::from_str::<TenantId>("\"a b\"").unwrap_err();
        assert!(refused.to_string().contains("byte 1 is ' '"));
        assert_eq!(
            serde_json::to_string(&TenantId::from_static("a-1")).unwrap(),
            "\"a-1\""
        );
    }

    proptest! {
        #[test]
        fn accepts_exactly_the_language(id in "\\PC{0,70}|[a-z0-9_-]{0,60}|[ -~]{0,8}") {
            let expected = (1..=56).contains(&id.len())
                && id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
                && !id.starts_with(['_', '-']);
            prop_assert_eq!(TenantId::try_from(id.as_str()).is_ok(), expected);
            prop_assert_eq!(TenantId::try_from(id.clone()).is_ok(), expected);
            prop_assert_eq!(id.parse::<TenantId>().is_ok(), expected);
        }
    }
}
