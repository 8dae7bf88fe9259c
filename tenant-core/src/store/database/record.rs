use std::{fmt, num::ParseIntError, str::FromStr};

use serde_json::{Map, Value};

use crate::{ConnectionEntry, ConnectionInfo, TenantId, TenantInfo, TenantStatus};

/// Where a change stands in the order of all changes of a store. A tenant's revision is that of its
/// last change; no two changes ever have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(i64);

impl Revision {
    /// The revision as a number, from 0 before the first change.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl From<i64> for Revision {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Revision {
    type Err = ParseIntError;

    fn from_str(number: &str) -> Result<Self, Self::Err> {
        number.parse().map(Self)
    }
}

/// What is known about a tenant, and as of which change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantRecord {
    /// What is known.
    pub info: TenantInfo,
    /// The tenant's last change.
    pub revision: Revision,
}

/// A tenant to be made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewTenant {
    /// What is known about it. Its times are the store's to say, and are not taken from here.
    pub info: TenantInfo,
    /// Where its tables are.
    pub connection: ConnectionInfo,
}

impl NewTenant {
    /// A tenant, and where its tables are.
    #[must_use]
    pub fn new(info: TenantInfo, connection: ConnectionInfo) -> Self {
        Self { info, connection }
    }
}

/// What to change of a tenant. What is left out stays.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TenantUpdate {
    /// Its name.
    pub name: Option<String>,
    /// Its plan, or that it has none.
    pub plan: Option<Option<String>>,
    /// What to merge into its metadata: `null` removes a member, an object is merged into the
    /// object that is there, anything else replaces (RFC 7396).
    pub metadata: Option<Map<String, Value>>,
    /// Its status.
    pub status: Option<TenantStatus>,
    /// Where its tables are. They are not moved.
    pub connection: Option<ConnectionInfo>,
    /// What to change of where its tables are; what is left out of it stays, too. They are not moved.
    pub place: Option<ConnectionEntry>,
}

impl TenantUpdate {
    /// Names it.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets its plan, or takes it away.
    #[must_use]
    pub fn with_plan(mut self, plan: Option<String>) -> Self {
        self.plan = Some(plan);
        self
    }

    /// Merges a patch into its metadata.
    #[must_use]
    pub fn with_metadata(mut self, patch: Map<String, Value>) -> Self {
        self.metadata = Some(patch);
        self
    }

    /// Sets its status.
    #[must_use]
    pub fn with_status(mut self, status: TenantStatus) -> Self {
        self.status = Some(status);
        self
    }

    /// Says where its tables are.
    #[must_use]
    pub fn with_connection(mut self, connection: ConnectionInfo) -> Self {
        self.connection = Some(connection);
        self
    }

    /// Says what is different about where its tables are: see [`ConnectionEntry::change`].
    #[must_use]
    pub fn with_place(mut self, place: ConnectionEntry) -> Self {
        self.place = Some(place);
        self
    }
}

/// That a tenant was changed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedChange {
    /// The change.
    pub revision: Revision,
    /// Who was changed.
    pub tenant: TenantId,
    /// How.
    pub kind: ChangeKind,
}

/// How a tenant was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It was made.
    Created,
    /// Something about it is different.
    Updated,
    /// It was removed.
    Deleted,
}

impl ChangeKind {
    /// The kind as its one lowercase word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        [Self::Created, Self::Updated, Self::Deleted]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// What happened after a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changes {
    /// Every change, oldest first, up to the limit that was asked for.
    Since(Vec<RecordedChange>),
    /// That is not known: the changes are no longer kept, or the revision is none of this store's,
    /// as after a backup was restored. Whatever was remembered may be out of date.
    Missed {
        /// Where to go on from.
        latest: Revision,
    },
}
