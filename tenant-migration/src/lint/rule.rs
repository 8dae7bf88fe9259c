use std::fmt;

use serde::{Serialize, Serializer};

/// What Citus refuses, one variant a refusal. [`name`](Rule::name) is stable.
///
/// Paths are those of the `citusdata/citus` repository since release 12; `commands/` stands for
/// `src/backend/distributed/commands/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// A foreign key leaves the tenant's schema, or enters it from another one.
    ///
    /// "Foreign keys from distributed schemas can only point to the same distributed schema or
    /// reference tables in regular schemas", and none may come in from another schema
    /// (`EnsureFKeysForTenantTable` in `commands/schema_based_sharding.c`;
    /// `ErrorIfUnsupportedForeignConstraintExists` in `commands/foreign_constraint.c`).
    ForeignKeyOutsideSchema,
    /// `ADD COLUMN` of a serial type or with an identity.
    ///
    /// Refused where metadata is synchronised to the workers, which it is since Citus 11; in
    /// `CREATE TABLE` both are fine (`ErrorIfUnsupportedAlterTableStmt` in `commands/table.c`,
    /// case `AT_AddColumn`).
    AddSequenceColumn,
    /// `ADD COLUMN .. DEFAULT nextval(..)`.
    ///
    /// Refused together with another sub-command or constraint, and in any case on a table that has
    /// rows already, so alone it is a note (`ErrorIfUnsupportedAlterTableStmt` in
    /// `commands/table.c`, case `AT_AddColumn`).
    AddNextvalColumn,
    /// `ADD COLUMN` with a constraint in it that Citus cannot name.
    ///
    /// An unnamed `CHECK` always; an unnamed `PRIMARY KEY`, `UNIQUE` or `REFERENCES` only beside a
    /// `CHECK` or another sub-command. Alone those three are given a name, and a constraint that has one is
    /// taken (`PostprocessAlterTableStmt` and `DeparserSupportsAlterTableAddColumn` in
    /// `commands/table.c`; `src/test/regress/expected/alter_table_add_column.out` shows each, on
    /// single-shard tables).
    InlineConstraint,
    /// `ADD CONSTRAINT` beside other sub-commands of one `ALTER TABLE`.
    ///
    /// "Cannot execute ADD CONSTRAINT command with other subcommands"
    /// (`ErrorIfUnsupportedAlterTableStmt` in `commands/table.c`, case `AT_AddConstraint`).
    CombinedAddConstraint,
    /// `ALTER TABLE .. RENAME CONSTRAINT`.
    ///
    /// "Renaming constraints belonging to distributed tables is currently unsupported"
    /// (`ErrorIfUnsupportedRenameStmt` in `commands/rename.c`).
    RenameConstraint,
    /// Creating, dropping, enabling or disabling a trigger.
    ///
    /// Refused on distributed tables and on reference tables, unless `citus.enable_unsafe_triggers`
    /// is on (`ErrorOutForTriggerIfNotSupported` in `commands/trigger.c`).
    Trigger,
    /// Table inheritance, by `INHERITS` or by `ALTER TABLE .. INHERIT`.
    ///
    /// "Tables in a distributed schema cannot inherit or be inherited"
    /// (`PostprocessCreateTableStmt` in `commands/table.c`; as a sub-command it is in the default
    /// case of `ErrorIfUnsupportedAlterTableStmt`). Partitions are fine.
    Inherits,
    /// `SET SCHEMA` of a table that has an identity column.
    ///
    /// To move it, Citus makes it a local table first, which it "cannot complete on a table with
    /// identity column" (`PreprocessAlterTableSchemaStmt` in `commands/table.c`; `ConvertTable` in
    /// `commands/alter_table.c`).
    SetSchemaWithIdentity,
    /// `ALTER COLUMN .. TYPE` of a serial or identity column.
    ///
    /// Refused for both (`ErrorIfUnsupportedAlterTableStmt` in `commands/table.c`, case
    /// `AT_AlterColumnType`).
    SequenceColumnType,
    /// A sub-command of `ALTER TABLE` that is not on Citus' list: making an existing column an
    /// identity, enabling or disabling a rule.
    ///
    /// "Alter table command is currently unsupported" (`ErrorIfUnsupportedAlterTableStmt` in
    /// `commands/table.c`, default case).
    UnsupportedAlterTable,
    /// Several statements in one string, one of them DDL.
    ///
    /// Citus passes the string of an `ALTER TABLE` or `CREATE INDEX` on to its workers as it came,
    /// and they take one statement a call ("cannot insert multiple commands into a prepared
    /// statement", `citusdata/citus` issue 6608; "cannot execute multiple utility events",
    /// `ParseTreeRawStmt` in `src/backend/distributed/worker/worker_data_fetch_protocol.c`). Other
    /// DDL is rendered anew from the catalogue, so a string of that alone is a note.
    SeveralStatements,
    /// `CREATE SCHEMA` with a `CREATE TABLE` in it.
    ///
    /// "Cannot create distributed schema and table in a single statement"
    /// (`PostprocessCreateSchemaStmt` in `commands/schema.c`).
    SchemaWithTables,
    /// The statement was not understood, so nothing can be said about it: a note.
    Unparsed,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Severity {
    /// Somebody should look: the statement works only under conditions, or was not understood.
    Note,
    /// Citus refuses the statement.
    Error,
}

impl Rule {
    /// The rule's name, for configuration and reports: kebab-case, and stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForeignKeyOutsideSchema => "foreign-key-outside-schema",
            Self::AddSequenceColumn => "add-sequence-column",
            Self::AddNextvalColumn => "add-nextval-column",
            Self::InlineConstraint => "inline-constraint",
            Self::CombinedAddConstraint => "combined-add-constraint",
            Self::RenameConstraint => "rename-constraint",
            Self::Trigger => "trigger",
            Self::Inherits => "inherits",
            Self::SetSchemaWithIdentity => "set-schema-with-identity",
            Self::SequenceColumnType => "sequence-column-type",
            Self::UnsupportedAlterTable => "unsupported-alter-table",
            Self::SeveralStatements => "several-statements",
            Self::SchemaWithTables => "schema-with-tables",
            Self::Unparsed => "unparsed",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Error => "error",
        })
    }
}
