use sqlparser::ast::{AlterColumnOperation, AlterTable, AlterTableOperation, RenameTableNameKind};

use super::{
    Rule, alter_column,
    check::Scan,
    columns::{self, Sequence},
    create_table::refuse_trigger,
    foreign_key,
    names::{Home, TableName, fold},
};

/// The rules about `ALTER TABLE`.
pub(super) fn check(scan: &mut Scan<'_>, alter: &AlterTable) {
    let table = TableName::of(&alter.name);
    let alone = alter.operations.len() == 1;
    if scan.is_distributed(&table) {
        if !alone && alter.operations.iter().any(is_add_constraint) {
            scan.refuse(
                Rule::CombinedAddConstraint,
                "Citus refuses ADD CONSTRAINT beside other sub-commands; give the constraint an \
                 ALTER TABLE of its own",
            );
        }
        for operation in &alter.operations {
            check_operation(scan, &table, operation, alone);
        }
    }
    for operation in &alter.operations {
        match operation {
            AlterTableOperation::AddColumn { column_def, .. } => {
                foreign_key::in_column(scan, &table, column_def);
            }
            AlterTableOperation::AddConstraint { constraint, .. } => {
                foreign_key::in_constraint(scan, &table, constraint);
            }
            _ => {}
        }
    }
    if scan.names.home(&table) == Home::Tenant {
        remember(scan, &table.table, &alter.operations);
    }
}

/// `ALTER TABLE .. SET SCHEMA`.
pub(super) fn set_schema(scan: &mut Scan<'_>, table: &TableName, schema: &str) {
    if scan.home(table) != Some(Home::Tenant) || scan.names.is_scratch(schema) {
        return;
    }
    if scan.tables.has_identity(&table.table) {
        scan.refuse(
            Rule::SetSchemaWithIdentity,
            format!(
                "Citus refuses to move {table} to another schema, because it has an identity \
                 column; make a new table there and copy the rows"
            ),
        );
    }
    scan.tables.forget(&table.table);
}

fn check_operation(
    scan: &mut Scan<'_>,
    table: &TableName,
    operation: &AlterTableOperation,
    alone: bool,
) {
    use AlterTableOperation as Op;
    match operation {
        Op::AddColumn { column_def, .. } => alter_column::add(scan, table, column_def, alone),
        Op::AlterColumn { column_name, op } => alter_column::alter(scan, table, column_name, op),
        Op::RenameConstraint { old_name, .. } => scan.refuse(
            Rule::RenameConstraint,
            format!(
                "Citus refuses to rename constraint {old_name}; drop it and add it again under its \
                 new name, in two statements"
            ),
        ),
        Op::Inherit { .. } | Op::NoInherit { .. } => scan.refuse(
            Rule::Inherits,
            format!(
                "Citus refuses inheritance among tenants' tables; make {table} a table of its own, \
                 or a partition"
            ),
        ),
        Op::EnableTrigger { .. }
        | Op::EnableAlwaysTrigger { .. }
        | Op::EnableReplicaTrigger { .. }
        | Op::DisableTrigger { .. } => refuse_trigger(scan),
        Op::EnableRule { .. }
        | Op::EnableAlwaysRule { .. }
        | Op::EnableReplicaRule { .. }
        | Op::DisableRule { .. } => scan.refuse(
            Rule::UnsupportedAlterTable,
            "Citus refuses to enable or disable rules; leave them out",
        ),
        _ => {}
    }
}

fn is_add_constraint(operation: &AlterTableOperation) -> bool {
    matches!(operation, AlterTableOperation::AddConstraint { .. })
}

fn remember(scan: &mut Scan<'_>, table: &str, operations: &[AlterTableOperation]) {
    use AlterTableOperation as Op;
    for operation in operations {
        let sequences = &mut scan.tables.entry(table).sequences;
        match operation {
            Op::AddColumn { column_def, .. } => {
                if let Some(sequence) = columns::sequence(column_def) {
                    sequences.insert(fold(&column_def.name), sequence);
                }
            }
            Op::AlterColumn {
                column_name,
                op: AlterColumnOperation::AddGenerated { .. },
            } => {
                sequences.insert(fold(column_name), Sequence::Identity);
            }
            Op::DropColumn { column_names, .. } => {
                for column in column_names {
                    sequences.remove(&fold(column));
                }
            }
            Op::RenameColumn {
                old_column_name,
                new_column_name,
            } => {
                if let Some(sequence) = sequences.remove(&fold(old_column_name)) {
                    sequences.insert(fold(new_column_name), sequence);
                }
            }
            Op::RenameTable {
                table_name: RenameTableNameKind::To(new) | RenameTableNameKind::As(new),
            } => {
                scan.tables.rename(table, TableName::of(new).table);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::{ColumnDef, PostgresQueryBuilder, Table, TableForeignKey};

    use super::super::{
        Severity,
        check::tests::{refused, rules},
    };
    use super::*;

    #[test]
    fn a_constraint_is_added_alone() {
        let sql = Table::alter()
            .table("book")
            .add_column(ColumnDef::new("author_id").big_integer())
            .add_foreign_key(
                TableForeignKey::new()
                    .name("fk")
                    .from_tbl("book")
                    .from_col("author_id")
                    .to_tbl("author")
                    .to_col("id"),
            )
            .to_string(PostgresQueryBuilder);
        assert_eq!(refused(sql), [Rule::CombinedAddConstraint]);
        let unique = Table::alter()
            .table("book")
            .modify_column(ColumnDef::new("isbn").string().unique_key())
            .to_string(PostgresQueryBuilder);
        assert_eq!(refused(&unique), [Rule::CombinedAddConstraint], "{unique}");
        assert_eq!(refused("ALTER TABLE book ADD UNIQUE (isbn)"), []);
        assert_eq!(
            refused("ALTER TABLE public.plain ADD COLUMN a int, ADD UNIQUE (a)"),
            []
        );
    }

    #[test]
    fn constraints_keep_their_names_and_tables_their_parents() {
        assert_eq!(
            refused("ALTER TABLE book RENAME CONSTRAINT a TO b"),
            [Rule::RenameConstraint]
        );
        assert_eq!(refused("ALTER TABLE book INHERIT work"), [Rule::Inherits]);
        assert_eq!(
            refused("ALTER TABLE book NO INHERIT work"),
            [Rule::Inherits]
        );
        assert_eq!(
            refused("ALTER TABLE book DISABLE TRIGGER ALL"),
            [Rule::Trigger]
        );
        assert_eq!(
            refused("ALTER TABLE book ENABLE RULE r"),
            [Rule::UnsupportedAlterTable]
        );
        assert_eq!(refused("ALTER TABLE book ENABLE ROW LEVEL SECURITY"), []);
        assert_eq!(
            refused("ALTER TABLE book ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY"),
            [Rule::UnsupportedAlterTable]
        );
    }

    #[test]
    fn a_table_with_an_identity_stays() {
        let identity = "CREATE TABLE book (id bigint GENERATED BY DEFAULT AS IDENTITY)";
        let away = "ALTER TABLE tenant_scratch.book SET SCHEMA archive";
        let refused = |statement| (statement, Rule::SetSchemaWithIdentity, Severity::Error);
        assert_eq!(rules(&[identity, away]), [refused(1)]);
        assert_eq!(
            rules(&[
                identity,
                "ALTER TABLE book RENAME TO work",
                "ALTER TABLE work SET SCHEMA archive"
            ]),
            [refused(2)]
        );
        assert_eq!(rules(&["CREATE TABLE book (id bigserial)", away]), []);
        assert_eq!(
            rules(&[identity, "ALTER TABLE book SET SCHEMA tenant_scratch"]),
            []
        );
        assert_eq!(
            rules(&[identity, "ALTER TABLE book DROP COLUMN id", away]),
            []
        );
        assert_eq!(
            rules(&[
                identity,
                "DROP TABLE book",
                "CREATE TABLE book (id int)",
                away
            ]),
            []
        );
    }
}
