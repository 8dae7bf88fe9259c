use sqlparser::ast::{AlterColumnOperation, ColumnDef, ColumnOption, ColumnOptionDef, Ident};

use super::{
    Rule,
    check::Scan,
    columns,
    names::{Home, TableName, fold},
};

/// `ADD COLUMN`, which may be `alone` in its `ALTER TABLE`.
pub(super) fn add(scan: &mut Scan<'_>, table: &TableName, column: &ColumnDef, alone: bool) {
    let name = &column.name;
    match columns::sequence(column) {
        Some(sequence) => scan.refuse(
            Rule::AddSequenceColumn,
            format!(
                "Citus refuses to add {name} as {sequence}; have it in CREATE TABLE, or add an \
                 integer column, and then set its default to the nextval of a sequence"
            ),
        ),
        None if columns::has_nextval_default(column) => nextval_column(scan, table, column, alone),
        None => {}
    }
    // The statement that Citus writes anew, with names in it, can hold no CHECK.
    let gets_names = alone && !column.options.iter().any(is_check);
    for option in &column.options {
        if let (None, Some(kind)) = (&option.name, inline_constraint(&option.option, gets_names)) {
            scan.refuse(
                Rule::InlineConstraint,
                format!(
                    "Citus refuses an unnamed {kind} in ADD COLUMN {name}; add the column first and \
                     the constraint in a statement of its own"
                ),
            );
        }
    }
}

/// `ALTER COLUMN`.
pub(super) fn alter(
    scan: &mut Scan<'_>,
    table: &TableName,
    column: &Ident,
    operation: &AlterColumnOperation,
) {
    match operation {
        AlterColumnOperation::SetDataType { .. } if scan.names.home(table) == Home::Tenant => {
            if let Some(sequence) = scan.tables.sequence(&table.table, &fold(column)) {
                scan.refuse(
                    Rule::SequenceColumnType,
                    format!(
                        "Citus refuses another type for {column}, because it is {sequence}; \
                         give it the type it needs in CREATE TABLE (bigint)"
                    ),
                );
            }
        }
        AlterColumnOperation::AddGenerated { .. } => scan.refuse(
            Rule::UnsupportedAlterTable,
            format!(
                "Citus refuses to make {column} an identity column; have it in CREATE TABLE, or set \
                 its default to the nextval of a sequence"
            ),
        ),
        _ => {}
    }
}

fn nextval_column(scan: &mut Scan<'_>, table: &TableName, column: &ColumnDef, alone: bool) {
    let name = &column.name;
    let constraints = column
        .options
        .iter()
        .filter(|option| columns::is_constraint(option))
        .count();
    let way_out = "add the column without it, and then ALTER COLUMN .. SET DEFAULT nextval(..)";
    if !alone || constraints > 1 {
        scan.refuse(
            Rule::AddNextvalColumn,
            format!(
                "Citus refuses a default of nextval in ADD COLUMN {name} beside other sub-commands \
                 and constraints; {way_out}"
            ),
        );
    } else {
        scan.note(
            Rule::AddNextvalColumn,
            format!(
                "Citus refuses a default of nextval in ADD COLUMN {name} once {table} has rows; \
                 {way_out}"
            ),
        );
    }
}

/// The constraint in a column's definition that Citus would have to name and does not.
fn inline_constraint(option: &ColumnOption, gets_names: bool) -> Option<&'static str> {
    match option {
        ColumnOption::Check(_) => Some("CHECK"),
        ColumnOption::PrimaryKey(_) if !gets_names => Some("PRIMARY KEY"),
        ColumnOption::Unique(_) if !gets_names => Some("UNIQUE"),
        ColumnOption::ForeignKey(_) if !gets_names => Some("REFERENCES"),
        _ => None,
    }
}

fn is_check(option: &ColumnOptionDef) -> bool {
    matches!(option.option, ColumnOption::Check(_))
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::{ColumnDef, Expr, ExprTrait, PostgresQueryBuilder, Table};

    use super::super::{
        Severity,
        check::tests::{refused, rules},
    };
    use super::Rule;

    fn add(column: &mut ColumnDef) -> String {
        Table::alter()
            .table("book")
            .add_column(column)
            .to_string(PostgresQueryBuilder)
    }

    #[test]
    fn columns_with_sequences_are_made_with_the_table() {
        assert_eq!(
            refused(add(ColumnDef::new("n").big_integer().auto_increment())),
            [Rule::AddSequenceColumn]
        );
        for kind in [
            "bigserial",
            "serial",
            "SMALLSERIAL",
            "serial8",
            "int GENERATED ALWAYS AS IDENTITY",
        ] {
            let sql = format!(r#"ALTER TABLE "book" ADD COLUMN "n" {kind}"#);
            assert_eq!(refused(&sql), [Rule::AddSequenceColumn], "{sql}");
            assert_eq!(
                refused(format!("CREATE TABLE a (n {kind} PRIMARY KEY)")),
                []
            );
        }
        assert_eq!(
            refused("ALTER TABLE book ADD COLUMN n int GENERATED ALWAYS AS (a * 2) STORED"),
            []
        );
        assert_eq!(refused("ALTER TABLE public.plain ADD COLUMN n serial"), []);
        assert_eq!(
            refused("ALTER TABLE public.genre ADD COLUMN n serial"),
            [Rule::AddSequenceColumn]
        );
    }

    #[test]
    fn a_default_of_nextval_depends() {
        let alone = "ALTER TABLE book ADD COLUMN n bigint DEFAULT nextval('s'::regclass)";
        assert_eq!(
            rules(&[alone]),
            [(0, Rule::AddNextvalColumn, Severity::Note)]
        );
        assert_eq!(
            refused(format!("{alone} NOT NULL")),
            [Rule::AddNextvalColumn]
        );
        assert_eq!(
            refused(format!("{alone}, DROP COLUMN a")),
            [Rule::AddNextvalColumn]
        );
        assert_eq!(
            refused("ALTER TABLE book ALTER COLUMN n SET DEFAULT nextval('s')"),
            []
        );
    }

    #[test]
    fn an_unnamed_check_is_refused() {
        let check = || Expr::col("pages").gt(0);
        assert_eq!(
            refused(add(ColumnDef::new("pages").integer().check(check()))),
            [Rule::InlineConstraint]
        );
        assert_eq!(
            refused(add(ColumnDef::new("pages")
                .integer()
                .check(("positive", check())))),
            []
        );
    }

    #[test]
    fn beside_a_check_nothing_gets_a_name() {
        let named = "ALTER TABLE book ADD COLUMN a int CONSTRAINT c CHECK (a > 0)";
        assert_eq!(refused(named), []);
        assert_eq!(refused(format!("{named} UNIQUE")), [Rule::InlineConstraint]);
    }

    // `alter_table_add_column.out` of Citus has the same statements, and what came of them.
    #[test]
    fn other_inline_constraints_are_refused_in_company() {
        for constraint in ["UNIQUE", "PRIMARY KEY", "REFERENCES author (id)"] {
            let alone = format!("ALTER TABLE book ADD COLUMN a int {constraint}");
            assert_eq!(refused(&alone), [], "{alone}");
            assert_eq!(
                refused(format!("{alone}, ADD COLUMN b int")),
                [Rule::InlineConstraint]
            );
            let named = alone.replace(constraint, &format!("CONSTRAINT c {constraint}"));
            assert_eq!(refused(format!("{named}, ADD COLUMN b int")), [], "{named}");
        }
    }

    #[test]
    fn a_column_with_a_sequence_keeps_its_type() {
        let table = Table::create()
            .table("book")
            .col(
                ColumnDef::new("id")
                    .integer()
                    .auto_increment()
                    .primary_key(),
            )
            .col(ColumnDef::new("pages").integer())
            .to_string(PostgresQueryBuilder);
        let to_bigint = |column: &'static str| {
            Table::alter()
                .table("book")
                .modify_column(ColumnDef::new(column).big_integer())
                .to_string(PostgresQueryBuilder)
        };
        assert_eq!(
            rules(&[table.clone(), to_bigint("pages"), to_bigint("id")]),
            [(2, Rule::SequenceColumnType, Severity::Error)]
        );
        let rename = "ALTER TABLE book RENAME COLUMN id TO book_id".to_owned();
        assert_eq!(
            rules(&[table, rename, to_bigint("id"), to_bigint("book_id")]),
            [(3, Rule::SequenceColumnType, Severity::Error)]
        );
        let serial = "CREATE TABLE book (id serial)".to_owned();
        assert_eq!(
            rules(&[serial, to_bigint("id")]),
            [(1, Rule::SequenceColumnType, Severity::Error)]
        );
    }
}
