use sqlparser::ast::{ColumnDef, ColumnOption, ObjectName, TableConstraint};

use super::{
    Rule,
    check::Scan,
    names::{Home, TableName},
};

/// The foreign keys in a column's definition.
pub(super) fn in_column(scan: &mut Scan<'_>, table: &TableName, column: &ColumnDef) {
    for option in &column.options {
        if let ColumnOption::ForeignKey(key) = &option.option {
            check(scan, table, &key.foreign_table);
        }
    }
}

/// The foreign key that a table's constraint may be.
pub(super) fn in_constraint(scan: &mut Scan<'_>, table: &TableName, constraint: &TableConstraint) {
    if let TableConstraint::ForeignKey(key) = constraint {
        check(scan, table, &key.foreign_table);
    }
}

fn check(scan: &mut Scan<'_>, from: &TableName, to: &ObjectName) {
    let to = TableName::of(to);
    match (scan.home(from), scan.home(&to)) {
        (Some(Home::Tenant), Some(Home::Elsewhere)) => scan.refuse(
            Rule::ForeignKeyOutsideSchema,
            format!(
                "Citus refuses a foreign key from a tenant's table to {to}, which is in another \
                 schema; make {to} a reference table (SELECT create_reference_table('{to}')) and \
                 name it to the lint, or leave the key out"
            ),
        ),
        (Some(Home::Reference | Home::Elsewhere), Some(Home::Tenant)) => scan.refuse(
            Rule::ForeignKeyOutsideSchema,
            format!(
                "Citus refuses a foreign key from {from}, which is in another schema, to a tenant's \
                 table; leave the key out"
            ),
        ),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::{ColumnDef, ForeignKey, PostgresQueryBuilder, Table};

    use super::super::check::tests::{refused, rules};
    use super::*;

    fn create(to: (&'static str, &'static str)) -> String {
        Table::create()
            .table("book")
            .col(ColumnDef::new("id").big_integer().primary_key())
            .foreign_key(
                ForeignKey::create()
                    .name("fk")
                    .from("book", "other_id")
                    .to(to, "id"),
            )
            .to_string(PostgresQueryBuilder)
    }

    fn add(to: (&'static str, &'static str)) -> String {
        ForeignKey::create()
            .name("fk")
            .from("book", "other_id")
            .to(to, "id")
            .to_string(PostgresQueryBuilder)
    }

    #[test]
    fn keys_stay_in_the_schema_or_go_to_reference_tables() {
        for to in [("tenant_scratch", "author"), ("public", "genre")] {
            assert_eq!(refused(create(to)), []);
            assert_eq!(refused(add(to)), []);
        }
        for to in [
            ("public", "country"),
            ("tenant_globex", "author"),
            ("tenant_globex", "genre"),
        ] {
            assert_eq!(
                refused(create(to)),
                [Rule::ForeignKeyOutsideSchema],
                "{to:?}"
            );
            assert_eq!(refused(add(to)), [Rule::ForeignKeyOutsideSchema], "{to:?}");
        }
    }

    #[test]
    fn inline_keys_are_keys() {
        for sql in [
            "CREATE TABLE book (country_id int REFERENCES public.country)",
            r#"ALTER TABLE "book" ADD COLUMN "country_id" int REFERENCES "public"."country" ("id")"#,
            "ALTER TABLE book ADD FOREIGN KEY (a, b) REFERENCES Public.Country (a, b)",
        ] {
            assert_eq!(refused(sql), [Rule::ForeignKeyOutsideSchema], "{sql}");
        }
    }

    #[test]
    fn no_key_comes_in_from_another_schema() {
        let sql = "ALTER TABLE public.loan ADD CONSTRAINT fk FOREIGN KEY (b) REFERENCES tenant_scratch.book (id)";
        assert_eq!(refused(sql), [Rule::ForeignKeyOutsideSchema]);
        assert_eq!(
            refused("CREATE TABLE public.a (b int REFERENCES public.c (id))"),
            []
        );
    }

    #[test]
    fn the_message_says_how_to_allow_it() {
        let found = super::super::check::tests::lint().check(&[add(("public", "country"))]);
        assert!(
            found[0]
                .message
                .contains("create_reference_table('public.country')")
        );
    }

    #[test]
    fn temporary_tables_are_not_citus_business() {
        let sql = [
            "CREATE TEMP TABLE t (c int)",
            "ALTER TABLE t ADD COLUMN d serial",
        ];
        assert_eq!(rules(&sql), []);
    }
}
