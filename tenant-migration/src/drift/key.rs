use std::fmt;

use serde::{Deserialize, Serialize};

/// What an object in a schema is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ObjectKind {
    /// A table, also a partitioned, foreign or virtual one.
    Table,
    /// A view.
    View,
    /// A view whose rows are kept.
    #[serde(rename = "materialized view")]
    MaterializedView,
    /// A column of a table.
    Column,
    /// A primary or foreign key, a check, a unique or an exclusion constraint. SQLite's have no
    /// names of their own for the most part, and are called by what they say.
    Constraint,
    /// An index that backs no constraint. A unique one is an index on MySQL.
    Index,
    /// A partition of a table on MySQL; PostgreSQL's are tables.
    Partition,
    /// A trigger of a table or a view.
    Trigger,
    /// A policy of row security.
    Policy,
    /// A rewrite rule of a table or a view.
    Rule,
    /// Extended statistics of a table.
    Statistics,
    /// A sequence. One that is behind an identity column is part of the column.
    Sequence,
    /// An enum, a domain, a composite type or a range.
    Type,
    /// A function, named with the types of its arguments on PostgreSQL.
    Function,
    /// A procedure, named with the types of its arguments on PostgreSQL.
    Procedure,
    /// An aggregate function, named with the types of its arguments.
    Aggregate,
    /// A scheduled event.
    Event,
}

impl ObjectKind {
    /// Whether other objects can be parts of it.
    pub(super) fn is_relation(self) -> bool {
        matches!(self, Self::Table | Self::View | Self::MaterializedView)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Column => "column",
            Self::Constraint => "constraint",
            Self::Index => "index",
            Self::Partition => "partition",
            Self::Trigger => "trigger",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Statistics => "statistics",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Event => "event",
        })
    }
}

/// Which object of a schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectKey {
    pub(super) kind: ObjectKind,
    /// The table or view that it is a part of.
    pub(super) table: Option<String>,
    pub(super) name: String,
}

impl ObjectKey {
    pub(super) fn part_of(kind: ObjectKind, table: &str, name: impl Into<String>) -> Self {
        Self {
            kind,
            table: Some(table.to_owned()),
            name: name.into(),
        }
    }

    #[cfg(test)]
    pub(super) fn whole(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            table: None,
            name: name.into(),
        }
    }
}
