use sqlparser::ast::{ObjectType, Statement};
use tenant_core::SchemaName;

use super::{
    Finding, Rule, Severity, alter_table, create_table,
    names::{Home, Names, TableName},
    parse::{self, Parsed},
    several,
    split::{shorten, shorten_text, split},
    tables::Tables,
};

/// Reads what a tenant migrator sent, and reports what Citus would refuse of it.
#[derive(Debug, Clone)]
pub struct Lint {
    names: Names,
}

impl Lint {
    /// The rules of Citus' schema-based sharding.
    #[must_use]
    pub fn citus() -> Self {
        Self {
            names: Names::default(),
        }
    }

    /// Names a table that `create_reference_table` was, or will be, called for: tenants' tables may
    /// have foreign keys to it.
    ///
    /// As one writes it in SQL, with its schema (`public.genre`); without one it is in `public`.
    #[must_use]
    pub fn reference_table(mut self, name: &str) -> Self {
        self.names.reference_tables.push(TableName::reference(name));
        self
    }

    /// Names the schema that the statements were sent to: a table that is qualified with it is the
    /// tenant's own, as is one that is not qualified.
    #[must_use]
    pub fn scratch_schema(mut self, schema: &SchemaName) -> Self {
        self.names.scratch = Some(schema.clone());
        self
    }

    /// Checks statements, in the order in which they were sent. Give all of them: what one refuses
    /// may depend on what an earlier one made.
    ///
    /// The findings are in the order of the statements. No finding says that Citus takes the
    /// statements, as far as their text tells.
    #[must_use]
    pub fn check(&self, statements: &[impl AsRef<str>]) -> Vec<Finding> {
        let mut scan = Scan::new(&self.names);
        for (index, sql) in statements.iter().enumerate() {
            scan.statement = index;
            scan.read(sql.as_ref());
        }
        scan.findings
    }
}

/// A check under way.
pub(super) struct Scan<'a> {
    pub(super) names: &'a Names,
    pub(super) tables: Tables,
    findings: Vec<Finding>,
    statement: usize,
    sql: String,
}

impl<'a> Scan<'a> {
    fn new(names: &'a Names) -> Self {
        Self {
            names,
            tables: Tables::default(),
            findings: Vec::new(),
            statement: 0,
            sql: String::new(),
        }
    }

    /// Citus refuses the statement.
    pub(super) fn refuse(&mut self, rule: Rule, message: impl Into<String>) {
        self.find(rule, Severity::Error, message.into());
    }

    /// Somebody should look at the statement.
    pub(super) fn note(&mut self, rule: Rule, message: impl Into<String>) {
        self.find(rule, Severity::Note, message.into());
    }

    fn find(&mut self, rule: Rule, severity: Severity, message: String) {
        self.findings.push(Finding {
            statement: self.statement,
            sql: self.sql.clone(),
            rule,
            severity,
            message,
        });
    }

    /// Whose a table is; `None` for a temporary one, which is nobody's.
    pub(super) fn home(&self, name: &TableName) -> Option<Home> {
        let home = self.names.home(name);
        (home != Home::Tenant || !self.tables.is_temporary(&name.table)).then_some(home)
    }

    /// Whether a table is one that Citus distributes: a tenant's, or a reference table.
    pub(super) fn is_distributed(&self, name: &TableName) -> bool {
        matches!(self.home(name), Some(Home::Tenant | Home::Reference))
    }

    fn read(&mut self, sql: &str) {
        let statements = match split(sql) {
            Ok(statements) => statements,
            Err(error) => {
                self.sql = shorten_text(sql);
                if !parse::is_quiet(sql) {
                    self.unparsed(&error.to_string());
                }
                return;
            }
        };
        let parsed: Vec<_> = statements
            .iter()
            .map(|tokens| parse::parse(tokens))
            .collect();
        self.sql = shorten_text(sql);
        several::check(self, &parsed);
        for (tokens, parsed) in statements.iter().zip(parsed) {
            self.sql = shorten(tokens);
            self.check(parsed);
        }
    }

    fn check(&mut self, parsed: Parsed) {
        match parsed {
            Parsed::Quiet => {}
            Parsed::Statement(statement) => self.check_statement(&statement),
            Parsed::SetSchema { table, schema } => alter_table::set_schema(self, &table, &schema),
            Parsed::SchemaWithTables => self.refuse(
                Rule::SchemaWithTables,
                "Citus refuses CREATE SCHEMA with tables in it; create the schema first and its \
                 tables in statements of their own",
            ),
            Parsed::Trigger => create_table::refuse_trigger(self),
            Parsed::Unparsed(why) => self.unparsed(&why),
        }
    }

    fn check_statement(&mut self, statement: &Statement) {
        match statement {
            Statement::CreateTable(create) => create_table::check(self, create),
            Statement::AlterTable(alter) => alter_table::check(self, alter),
            Statement::CreateTrigger(create) => create_table::trigger(self, &create.table_name),
            Statement::DropTrigger(drop) => {
                if let Some(table) = &drop.table_name {
                    create_table::trigger(self, table);
                }
            }
            Statement::Drop {
                object_type: ObjectType::Table,
                names,
                ..
            } => {
                for name in names.iter().map(TableName::of) {
                    if self.names.home(&name) == Home::Tenant {
                        self.tables.forget(&name.table);
                    }
                }
            }
            _ => {}
        }
    }

    fn unparsed(&mut self, why: &str) {
        self.note(
            Rule::Unparsed,
            format!(
                "this was not understood ({why}); compare it with Citus' documentation by hand"
            ),
        );
    }
}

#[cfg(test)]
pub(super) mod tests {
    use sea_orm::sea_query::{
        ColumnDef, Expr, ExprTrait, ForeignKey, ForeignKeyAction, Index, PostgresQueryBuilder,
        Table, extension::postgres::Type,
    };

    use super::*;

    /// Which rules the statements run against, and which of the statements.
    pub(in super::super) fn rules(statements: &[impl AsRef<str>]) -> Vec<(usize, Rule, Severity)> {
        lint()
            .check(statements)
            .into_iter()
            .map(|finding| (finding.statement, finding.rule, finding.severity))
            .collect()
    }

    /// The rules that one statement runs against, all of which must be errors.
    pub(in super::super) fn refused(sql: impl AsRef<str>) -> Vec<Rule> {
        let rules = rules(&[sql]);
        assert!(
            rules
                .iter()
                .all(|(_, _, severity)| *severity == Severity::Error),
            "{rules:?}"
        );
        rules.into_iter().map(|(_, rule, _)| rule).collect()
    }

    pub(in super::super) fn lint() -> Lint {
        Lint::citus()
            .reference_table("public.genre")
            .scratch_schema(&SchemaName::from_static("tenant_scratch"))
    }

    #[test]
    fn a_clean_migrator_gives_no_findings() {
        let statements = [
            "SELECT COUNT(*) > 0 AS has_table FROM information_schema.tables WHERE table_name = 'x'"
                .to_owned(),
            r#"CREATE TABLE IF NOT EXISTS "seaql_migrations" ( "version" varchar NOT NULL PRIMARY KEY, "applied_at" bigint NOT NULL )"#
                .to_owned(),
            "BEGIN".to_owned(),
            Type::create().as_enum("mood").values(["good", "bad"]).to_string(PostgresQueryBuilder),
            Table::create()
                .table("author")
                .if_not_exists()
                .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                .col(ColumnDef::new("name").string_len(80).not_null().unique_key())
                .col(ColumnDef::new("born").date().check(Expr::col("born").gt("1000-01-01")))
                .to_string(PostgresQueryBuilder),
            Table::create()
                .table(("tenant_scratch", "book"))
                .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
                .col(ColumnDef::new("author_id").big_integer().not_null())
                .col(ColumnDef::new("genre_id").big_integer())
                .col(ColumnDef::new("tags").array(sea_orm::sea_query::ColumnType::Text))
                .col(ColumnDef::new("extra").json_binary().not_null().default(Expr::cust("'{}'::jsonb")))
                .col(ColumnDef::new("mood").custom("mood"))
                .foreign_key(
                    ForeignKey::create()
                        .name("fk_book_author")
                        .from(("tenant_scratch", "book"), "author_id")
                        .to("author", "id")
                        .on_delete(ForeignKeyAction::Cascade),
                )
                .foreign_key(
                    ForeignKey::create().from("book", "genre_id").to(("public", "genre"), "id"),
                )
                .to_string(PostgresQueryBuilder),
            Index::create().name("book_tags").table("book").col("tags").to_string(PostgresQueryBuilder),
            Index::create()
                .name("book_author")
                .unique()
                .table("book")
                .col("author_id")
                .col("id")
                .to_string(PostgresQueryBuilder),
            Table::alter()
                .table("book")
                .add_column(ColumnDef::new("pages").integer().not_null().default(0))
                .add_column(ColumnDef::new("isbn").string())
                .to_string(PostgresQueryBuilder),
            Table::alter()
                .table("book")
                .modify_column(ColumnDef::new("pages").big_integer().not_null())
                .to_string(PostgresQueryBuilder),
            Table::alter()
                .table("book")
                .add_column(ColumnDef::new("slug").string().unique_key())
                .to_string(PostgresQueryBuilder),
            Table::alter().table("book").rename_column("isbn", "ean").to_string(PostgresQueryBuilder),
            Table::alter().table("book").drop_column("tags").to_string(PostgresQueryBuilder),
            ForeignKey::create()
                .name("fk_sequel")
                .from("book", "sequel_id")
                .to("book", "id")
                .to_string(PostgresQueryBuilder),
            "ALTER TABLE book ADD CONSTRAINT pages_positive CHECK (pages > 0) NOT VALID".to_owned(),
            "ALTER TABLE book VALIDATE CONSTRAINT pages_positive".to_owned(),
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END; $$"
                .to_owned(),
            "CREATE OR REPLACE VIEW v AS SELECT id FROM book;".to_owned(),
            "COMMENT ON TABLE book IS 'one; two'".to_owned(),
            r#"INSERT INTO "seaql_migrations" ("version", "applied_at") VALUES ('m1', 1)"#.to_owned(),
            "COMMIT".to_owned(),
            Table::rename().table("author", "writer").to_string(PostgresQueryBuilder),
            Table::drop().table("book").if_exists().to_string(PostgresQueryBuilder),
        ];
        assert_eq!(lint().check(&statements), []);
    }

    #[test]
    fn what_cannot_be_read_is_noted_and_not_refused() {
        let statements = [
            "CREATE SHELF book",
            "DO $$ BEGIN EXECUTE 'CREATE TABLE x ()'; END $$",
            "CREATE TABLE book (title text DEFAULT 'open",
            "SELECT 'open",
            "",
            "-- nothing",
        ];
        let note = |statement| (statement, Rule::Unparsed, Severity::Note);
        assert_eq!(rules(&statements), [note(0), note(1), note(2)]);
    }

    #[test]
    fn a_finding_names_the_statement_and_the_way_out() {
        let findings = lint().check(&["SELECT 1", "ALTER TABLE book  RENAME\nCONSTRAINT a TO b"]);
        assert_eq!(
            findings[0].to_string(),
            "statement 2: ALTER TABLE book RENAME CONSTRAINT a TO b: Citus refuses to rename \
             constraint a; drop it and add it again under its new name, in two statements"
        );
    }

    #[test]
    fn a_schema_is_made_without_tables() {
        assert_eq!(
            refused("CREATE SCHEMA a CREATE TABLE b (id int)"),
            [Rule::SchemaWithTables]
        );
        assert_eq!(refused("CREATE SCHEMA IF NOT EXISTS a"), []);
    }
}
