use sqlparser::ast::{CreateTable, ObjectName};

use super::{
    Rule,
    check::Scan,
    columns, foreign_key,
    names::{Home, TableName, fold},
};

/// The rules about `CREATE TABLE`.
pub(super) fn check(scan: &mut Scan<'_>, create: &CreateTable) {
    let name = TableName::of(&create.name);
    remember(scan, &name, create);
    for column in &create.columns {
        foreign_key::in_column(scan, &name, column);
    }
    for constraint in &create.constraints {
        foreign_key::in_constraint(scan, &name, constraint);
    }
    let parents = create.inherits.iter().flatten();
    if let Some(parent) = first_inherited(scan, &name, parents) {
        scan.refuse(
            Rule::Inherits,
            format!(
                "Citus refuses inheritance among tenants' tables; make {name} a table of its own, \
                 or a partition of {parent}"
            ),
        );
    }
}

/// A trigger on a table, made or dropped.
pub(super) fn trigger(scan: &mut Scan<'_>, table: &ObjectName) {
    if scan.is_distributed(&TableName::of(table)) {
        refuse_trigger(scan);
    }
}

/// A trigger on a distributed table.
pub(super) fn refuse_trigger(scan: &mut Scan<'_>) {
    scan.refuse(
        Rule::Trigger,
        "Citus refuses triggers on its tables, unless citus.enable_unsafe_triggers is on; do the \
         work in the application, or in a generated column or a default",
    );
}

fn first_inherited<'p>(
    scan: &Scan<'_>,
    name: &TableName,
    mut parents: impl Iterator<Item = &'p ObjectName>,
) -> Option<TableName> {
    let child = scan.home(name)?;
    parents.find_map(|parent| {
        let parent = TableName::of(parent);
        let is_tenants = child == Home::Tenant || scan.home(&parent) == Some(Home::Tenant);
        is_tenants.then_some(parent)
    })
}

fn remember(scan: &mut Scan<'_>, name: &TableName, create: &CreateTable) {
    if scan.names.home(name) != Home::Tenant {
        return;
    }
    let table = scan.tables.create(&name.table, create.temporary);
    for column in &create.columns {
        if let Some(sequence) = columns::sequence(column) {
            table.sequences.insert(fold(&column.name), sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::refused;
    use super::*;

    #[test]
    fn tables_do_not_inherit() {
        assert_eq!(
            refused("CREATE TABLE novel (pages int) INHERITS (book)"),
            [Rule::Inherits]
        );
        assert_eq!(
            refused("CREATE TABLE public.novel () INHERITS (tenant_scratch.book)"),
            [Rule::Inherits]
        );
        assert_eq!(
            refused("CREATE TABLE public.novel () INHERITS (public.book)"),
            []
        );
        assert_eq!(
            refused("CREATE TABLE a PARTITION OF book FOR VALUES FROM (1) TO (2)"),
            []
        );
    }

    #[test]
    fn triggers_are_refused_on_distributed_tables() {
        for sql in [
            "CREATE TRIGGER t BEFORE INSERT ON book FOR EACH ROW EXECUTE FUNCTION f()",
            r#"CREATE OR REPLACE TRIGGER t AFTER UPDATE OF a ON "tenant_scratch"."book" FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION f()"#,
            "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON book DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE PROCEDURE f()",
            "CREATE TRIGGER t BEFORE UPDATE ON public.genre FOR EACH ROW EXECUTE FUNCTION f()",
            "DROP TRIGGER IF EXISTS t ON book",
        ] {
            assert_eq!(refused(sql), [Rule::Trigger], "{sql}");
        }
        assert_eq!(
            refused(
                "CREATE TRIGGER t BEFORE INSERT ON public.loan FOR EACH ROW EXECUTE FUNCTION f()"
            ),
            []
        );
    }
}
