mod reference;

use proptest::prelude::*;

use super::*;

const BACKENDS: [DbBackend; 3] = [DbBackend::Postgres, DbBackend::MySql, DbBackend::Sqlite];

fn schema(backend: DbBackend) -> QuotedSchema {
    QuotedSchema::new(&SchemaName::try_from("acme").unwrap(), backend)
}

fn postgres(sql: &str) -> String {
    qualify(sql, &schema(DbBackend::Postgres)).into_owned()
}

fn mysql(sql: &str) -> String {
    qualify(sql, &schema(DbBackend::MySql)).into_owned()
}

fn sqlite(sql: &str) -> String {
    qualify(sql, &schema(DbBackend::Sqlite)).into_owned()
}

#[track_caller]
fn untouched(on: fn(&str) -> String, sql: &str) {
    assert_eq!(on(sql), sql);
}

#[test]
fn without_a_placeholder_nothing_is_copied() {
    for backend in BACKENDS {
        let sql = "SELECT \"a\" FROM book WHERE x = $1 -- $tenan";
        assert!(matches!(qualify(sql, &schema(backend)), Cow::Borrowed(_)));
    }
}

#[test]
fn a_placeholder_in_a_literal_only_copies_nothing() {
    let sql = "SELECT 'the $tenant.book'";
    assert!(matches!(
        qualify(sql, &schema(DbBackend::Postgres)),
        Cow::Borrowed(_)
    ));
}

#[test]
fn the_quoted_placeholder() {
    assert_eq!(
        postgres(r#"SELECT "book"."id" FROM "$tenant"."book""#),
        r#"SELECT "book"."id" FROM "acme"."book""#
    );
    assert_eq!(
        mysql("SELECT 1 FROM `$tenant`.`book`"),
        "SELECT 1 FROM `acme`.`book`"
    );
    assert_eq!(
        sqlite(r#"SELECT 1 FROM "$tenant"."book""#),
        r#"SELECT 1 FROM "acme"."book""#
    );
    assert_eq!(
        sqlite("SELECT 1 FROM `$tenant`.`book`"),
        r#"SELECT 1 FROM "acme".`book`"#
    );
}

#[test]
fn the_schema_inside_one_quoted_name() {
    assert_eq!(
        postgres(r#"CAST(x AS "$tenant.mood")"#),
        r#"CAST(x AS "acme"."mood")"#
    );
    assert_eq!(
        postgres(r#"CAST(x AS "$tenant.mood"[])"#),
        r#"CAST(x AS "acme"."mood"[])"#
    );
    assert_eq!(
        mysql("REFERENCES `$tenant.author` (`id`)"),
        "REFERENCES `acme`.`author` (`id`)"
    );
    assert_eq!(
        postgres(r#""$tenant.we""ird" $tenant.b"#),
        r#""acme"."we""ird" "acme".b"#
    );
}

#[test]
fn the_bare_placeholder() {
    assert_eq!(
        postgres("SELECT count(*) FROM $tenant.book"),
        r#"SELECT count(*) FROM "acme".book"#
    );
    assert_eq!(postgres("'x'::$tenant.mood"), r#"'x'::"acme".mood"#);
    assert_eq!(postgres("$tenant.a,$tenant.b"), r#""acme".a,"acme".b"#);
    assert_eq!(
        mysql("SELECT * FROM $tenant.book"),
        "SELECT * FROM `acme`.book"
    );
    assert_eq!(
        sqlite("SELECT * FROM $tenant.book"),
        r#"SELECT * FROM "acme".book"#
    );
}

#[test]
fn the_literal_that_is_exactly_the_placeholder() {
    let catalogue = "SELECT 1 FROM information_schema.tables WHERE table_schema = '$tenant'";
    for on in [postgres, mysql, sqlite] {
        assert!(on(catalogue).ends_with("table_schema = 'acme'"));
        untouched(on, "SELECT ' $tenant'");
        untouched(on, "SELECT '$tenant '");
        untouched(on, "SELECT '$tenant.'");
        untouched(on, "SELECT '$tenant''s'");
        untouched(on, "SELECT '''$tenant'");
    }
    // In MySQL's default mode double quotes hold strings, in its ANSI mode identifiers.
    assert_eq!(mysql("SELECT \"$tenant\""), "SELECT \"acme\"");
    untouched(mysql, "SELECT \"$tenant.book\"");
}

#[test]
fn other_spellings_reach_the_server_and_fail_there() {
    for on in [postgres, mysql, sqlite] {
        for sql in [
            "CREATE SCHEMA $tenant",
            "SELECT * FROM $tenant . book",
            "SELECT * FROM $TENANT.book",
            "SELECT * FROM $tenants.book",
            "SELECT * FROM $tenant_a.book",
            "SELECT * FROM x$tenant.book",
            "SELECT * FROM é$tenant.book",
            "SELECT * FROM $$tenant.book",
            "SELECT * FROM _$tenant.book, 1$tenant.b",
        ] {
            untouched(on, sql);
        }
    }
    untouched(
        postgres,
        r#"SELECT "$tenants"."a", "a$tenant"."b", "$tenant""x", """$tenant""#,
    );
    untouched(
        postgres,
        r#"SELECT * FROM "$tenant.$tenant", "$tenant.$tenant.a""#,
    );
    untouched(
        mysql,
        "SELECT `$tenants`.`a`, `a$tenant`.`b`, `$tenant``x`, ```$tenant`",
    );
}

#[test]
fn strings_are_skipped() {
    for on in [postgres, mysql, sqlite] {
        assert_eq!(
            on("SELECT 'it''s $tenant.a', $tenant.b"),
            format!(
                "SELECT 'it''s $tenant.a', {}.b",
                on("$tenant.").trim_end_matches('.')
            )
        );
        untouched(on, "SELECT 'unterminated $tenant.a");
    }
}

#[test]
fn a_backslash_escapes_where_the_server_says_so() {
    // On PostgreSQL and SQLite the literal ends at the second quote.
    assert_eq!(
        postgres(r"'\' || $tenant.a || ''"),
        r#"'\' || "acme".a || ''"#
    );
    assert_eq!(
        sqlite(r"'\' || $tenant.a || ''"),
        r#"'\' || "acme".a || ''"#
    );
    // On MySQL, and in PostgreSQL's `E''`, it does not.
    untouched(mysql, r"'\' $tenant.a '");
    untouched(postgres, r"E'\' $tenant.a '");
    untouched(postgres, r"e'\' $tenant.a '");
    untouched(mysql, r#""\" $tenant.a ""#);
    // A name that ends in e is no prefix.
    assert_eq!(
        postgres(r"type'\' || $tenant.a || ''"),
        r#"type'\' || "acme".a || ''"#
    );
    assert_eq!(postgres(r"E'\\' || $tenant.a"), r#"E'\\' || "acme".a"#);
    untouched(mysql, "'$tenant.a \\");
}

#[test]
fn comments_are_skipped() {
    for on in [postgres, mysql, sqlite] {
        let schema = on("$tenant.");
        assert_eq!(
            on("-- $tenant.a\n$tenant.b"),
            format!("-- $tenant.a\n{schema}b")
        );
        assert_eq!(
            on("/* $tenant.a */ $tenant.b"),
            format!("/* $tenant.a */ {schema}b")
        );
        assert_eq!(on("/* ' */ $tenant.b"), format!("/* ' */ {schema}b"));
        assert_eq!(
            on("/*/ $tenant.a */ $tenant.b"),
            format!("/*/ $tenant.a */ {schema}b")
        );
        assert_eq!(on("1 - 2 / $tenant.b"), format!("1 - 2 / {schema}b"));
        untouched(on, "/* unterminated $tenant.a");
        untouched(on, "-- to the end $tenant.a");
    }
}

#[test]
fn comments_differ_between_servers() {
    let nested = "/* /* */ $tenant.a */ $tenant.b";
    assert_eq!(postgres(nested), r#"/* /* */ $tenant.a */ "acme".b"#);
    assert_eq!(mysql(nested), "/* /* */ `acme`.a */ `acme`.b");
    assert_eq!(sqlite(nested), r#"/* /* */ "acme".a */ "acme".b"#);
    // `#` is an operator elsewhere.
    assert_eq!(mysql("# $tenant.a\n$tenant.b"), "# $tenant.a\n`acme`.b");
    assert_eq!(postgres("1 # $tenant.a"), r#"1 # "acme".a"#);
    // Two minus signs.
    assert_eq!(mysql("1--$tenant.a"), "1--`acme`.a");
    untouched(postgres, "1--$tenant.a");
    // A carriage return ends PostgreSQL's line comment.
    assert_eq!(postgres("--\r$tenant.a"), "--\r\"acme\".a");
    untouched(sqlite, "--\r$tenant.a");
    // Executable comments are comments here: the server refuses what is left in them.
    untouched(mysql, "/*! $tenant.a */");
}

#[test]
fn dollar_quoted_bodies_are_skipped() {
    assert_eq!(
        postgres("DO $$ SELECT $tenant.a $$; SELECT $tenant.b"),
        r#"DO $$ SELECT $tenant.a $$; SELECT "acme".b"#
    );
    assert_eq!(
        postgres("$fn$ $$ $tenant.a $fn$ $tenant.b"),
        r#"$fn$ $$ $tenant.a $fn$ "acme".b"#
    );
    // The placeholder's own name is a tag like any other.
    assert_eq!(
        postgres("$tenant$ $tenant.a $tenant$ $tenant.b"),
        r#"$tenant$ $tenant.a $tenant$ "acme".b"#
    );
    // Parameters and names with a dollar begin nothing.
    assert_eq!(
        postgres("$1, $2$tenant.x, a$b$ $tenant.c"),
        "$1, $2$tenant.x, a$b$ \"acme\".c"
    );
    untouched(postgres, "$$ $tenant.a");
    // Elsewhere two dollars are nothing special.
    assert_eq!(mysql("$$ $tenant.a $$"), "$$ `acme`.a $$");
}

#[test]
fn brackets_quote_in_sqlite_only() {
    untouched(sqlite, "SELECT [$tenant.a]");
    assert_eq!(postgres("SELECT a[$tenant.i]"), "SELECT a[\"acme\".i]");
}

#[test]
fn multibyte_text_stays_whole() {
    assert_eq!(
        postgres(r#"SELECT 'é$tenant', "ü" FROM "$tenant"."bücher" -- 本"#),
        r#"SELECT 'é$tenant', "ü" FROM "acme"."bücher" -- 本"#
    );
}

#[test]
fn a_rewritten_statement_is_allocated_once() {
    for sql in [
        r#"INSERT INTO "$tenant"."a" SELECT "$tenant.m" FROM $tenant.b, $tenant.c"#,
        r#""$tenant"."a""#,
    ] {
        let Cow::Owned(text) = qualify(sql, &schema(DbBackend::Postgres)) else {
            panic!("{sql} was not rewritten");
        };
        assert!(text.capacity() >= text.len());
        assert!(
            text.capacity() <= sql.len() + 8 * 4,
            "reserved once, not grown"
        );
    }
}

/// SQL-like text made of the pieces that matter, so that they meet in every way.
fn sql() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => Just("$tenant".to_owned()),
        4 => Just("$tenant.".to_owned()),
        2 => Just("\"$tenant\".\"b\"".to_owned()),
        2 => Just("`$tenant.b`".to_owned()),
        1 => Just("'$tenant'".to_owned()),
        8 => proptest::sample::select(vec![
            "'", "\"", "`", "[", "]", "--", "-", "/*", "*/", "/", "#", "$", "$$", "$a$", "$1",
            "\\", "\n", "\r", "E", "e", "a", "é", ".", " ", "''", "\"\"", "``", "\0", "\x7f",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn backend() -> impl Strategy<Value = DbBackend> {
    proptest::sample::select(BACKENDS.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn agrees_with_the_reference(sql in sql(), backend in backend()) {
        prop_assert_eq!(qualify(&sql, &schema(backend)).into_owned(), reference::qualify(&sql, backend));
    }

    #[test]
    fn never_changes_sql_without_the_placeholder(sql in sql(), backend in backend()) {
        let sql = sql.replace("$tenant", "$tenan");
        prop_assert!(matches!(qualify(&sql, &schema(backend)), Cow::Borrowed(same) if same == sql));
    }

    #[test]
    fn never_leaves_a_placeholder_outside_of_literals_and_comments(sql in sql(), backend in backend()) {
        let output = qualify(&sql, &schema(backend)).into_owned();
        for (quoted, piece) in reference::pieces(&output, backend) {
            if !quoted {
                let spelt = piece.match_indices("$tenant.").any(|(at, _)| {
                    piece[..at].chars().next_back().is_some_and(|c| c == ' ' || c == ',')
                });
                prop_assert!(!spelt, "{output}");
            }
        }
        prop_assert!(!reference::pieces(&output, backend).contains(&(true, quoted_placeholder(backend))));
    }

    #[test]
    fn is_idempotent(sql in sql(), backend in backend()) {
        let once = qualify(&sql, &schema(backend)).into_owned();
        prop_assert_eq!(qualify(&once, &schema(backend)).into_owned(), once.clone());
    }
}
