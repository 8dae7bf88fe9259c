use sqlparser::ast::Statement;

use super::{Rule, check::Scan, names::TableName, parse::Parsed};

/// Several statements in one string.
pub(super) fn check(scan: &mut Scan<'_>, statements: &[Parsed]) {
    let count = statements.len();
    let is_ddl = |parsed: &Parsed| !matches!(parsed, Parsed::Quiet);
    if count < 2 || !statements.iter().any(is_ddl) {
        return;
    }
    if statements.iter().any(|parsed| is_passed_on(scan, parsed)) {
        scan.refuse(
            Rule::SeveralStatements,
            format!(
                "Citus passes this string on to its workers, which take one statement a call and \
                 not {count}; send each in a call of its own"
            ),
        );
    } else {
        scan.note(
            Rule::SeveralStatements,
            format!(
                "Citus wants one DDL statement a call, and this string has {count} statements; \
                 send each in a call of its own"
            ),
        );
    }
}

/// Whether Citus sends a statement's whole string to the workers, instead of one that it renders.
fn is_passed_on(scan: &Scan<'_>, parsed: &Parsed) -> bool {
    match parsed {
        Parsed::Statement(statement) => match statement.as_ref() {
            Statement::AlterTable(alter) => scan.is_distributed(&TableName::of(&alter.name)),
            Statement::CreateIndex(create) => {
                scan.is_distributed(&TableName::of(&create.table_name))
            }
            Statement::AlterIndex { .. } => true,
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, check::tests::rules};
    use super::*;

    #[test]
    fn ddl_goes_alone() {
        for sql in [
            "ALTER TABLE book ADD COLUMN a int; ALTER TABLE book ADD COLUMN b int",
            "CREATE TABLE book (id int); CREATE INDEX book_id ON book (id);",
            "SET lock_timeout = '1s'; ALTER TABLE tenant_scratch.book ADD COLUMN a int",
        ] {
            assert_eq!(
                rules(&[sql]),
                [(0, Rule::SeveralStatements, Severity::Error)],
                "{sql}"
            );
        }
    }

    #[test]
    fn what_citus_renders_anew_is_a_note() {
        for sql in [
            "CREATE TABLE a (id int); CREATE TABLE b (id int)",
            "CREATE TABLE a (id int); INSERT INTO a VALUES (1)",
            "SELECT 1; CREATE INDEX i ON public.plain (id)",
        ] {
            assert_eq!(
                rules(&[sql]),
                [(0, Rule::SeveralStatements, Severity::Note)],
                "{sql}"
            );
        }
    }

    #[test]
    fn rows_may_come_together() {
        assert_eq!(
            rules(&["INSERT INTO a VALUES (1); DELETE FROM b; SELECT 1"]),
            []
        );
        assert_eq!(
            rules(&["ALTER TABLE book ADD COLUMN a int; -- done;\n ;"]),
            []
        );
    }

    #[test]
    fn each_statement_of_a_string_is_checked() {
        let rules = rules(&[
            "SELECT 1",
            "CREATE TABLE a (); ALTER TABLE a RENAME CONSTRAINT b TO c",
        ]);
        let rules: Vec<_> = rules
            .into_iter()
            .map(|(statement, rule, _)| (statement, rule))
            .collect();
        assert_eq!(
            rules,
            [(1, Rule::SeveralStatements), (1, Rule::RenameConstraint)]
        );
    }
}
