use sqlparser::{
    ast::Statement,
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    parser::{Parser, ParserError},
    tokenizer::Token,
};

use super::{
    names::{TableName, fold},
    split::{is_word_or_sign, shorten_text},
};

/// What a statement is, for the rules.
#[derive(Debug)]
pub(super) enum Parsed {
    /// Reads or writes rows, or is about the session or the transaction: no rule is about it.
    Quiet,
    Statement(Box<Statement>),
    /// `ALTER TABLE .. SET SCHEMA`, which the parser does not know.
    SetSchema {
        table: TableName,
        schema: String,
    },
    /// `CREATE SCHEMA` with a `CREATE TABLE` in it.
    SchemaWithTables,
    /// `CREATE TRIGGER` in a form that the parser does not know.
    Trigger,
    /// Why nothing can be said about it.
    Unparsed(String),
}

pub(super) fn parse(tokens: &[Token]) -> Parsed {
    match tokens.iter().find(|token| is_word_or_sign(token)) {
        Some(Token::Word(word)) if QUIET.contains(&word.keyword) => return Parsed::Quiet,
        Some(Token::LParen) => return Parsed::Quiet,
        Some(Token::Word(word)) if word.keyword == Keyword::DO => {
            return Parsed::Unparsed("a DO block is not looked into".to_owned());
        }
        _ => {}
    }
    match parse_set_schema(tokens) {
        Ok(parsed) => parsed,
        Err(_) => parse_statement(tokens).unwrap_or_else(|error| match error {
            _ if is_create_trigger(tokens) => Parsed::Trigger,
            ParserError::TokenizerError(why) | ParserError::ParserError(why) => {
                Parsed::Unparsed(shorten_text(&why))
            }
            ParserError::RecursionLimitExceeded => {
                Parsed::Unparsed("it is nested too deeply".to_owned())
            }
        }),
    }
}

/// Whether a text that cannot even be cut into words begins like a statement of no interest.
pub(super) fn is_quiet(sql: &str) -> bool {
    let word: String = sql
        .trim_start()
        .chars()
        .take_while(char::is_ascii_alphabetic)
        .collect();
    let word = word.to_ascii_uppercase();
    QUIET.iter().any(|keyword| format!("{keyword:?}") == word)
}

/// First words of statements that are not DDL.
const QUIET: [Keyword; 34] = [
    Keyword::ABORT,
    Keyword::ANALYZE,
    Keyword::BEGIN,
    Keyword::CALL,
    Keyword::CLOSE,
    Keyword::COMMIT,
    Keyword::COPY,
    Keyword::DEALLOCATE,
    Keyword::DECLARE,
    Keyword::DELETE,
    Keyword::DISCARD,
    Keyword::END,
    Keyword::EXECUTE,
    Keyword::EXPLAIN,
    Keyword::FETCH,
    Keyword::INSERT,
    Keyword::LISTEN,
    Keyword::LOCK,
    Keyword::MERGE,
    Keyword::NOTIFY,
    Keyword::PREPARE,
    Keyword::RELEASE,
    Keyword::RESET,
    Keyword::ROLLBACK,
    Keyword::SAVEPOINT,
    Keyword::SELECT,
    Keyword::SET,
    Keyword::SHOW,
    Keyword::START,
    Keyword::TRUNCATE,
    Keyword::UPDATE,
    Keyword::VACUUM,
    Keyword::VALUES,
    Keyword::WITH,
];

fn parse_set_schema(tokens: &[Token]) -> Result<Parsed, ParserError> {
    let mut parser = parser(tokens);
    parser.expect_keywords(&[Keyword::ALTER, Keyword::TABLE])?;
    let _ = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let _ = parser.parse_keyword(Keyword::ONLY);
    let table = TableName::of(&parser.parse_object_name(false)?);
    parser.expect_keywords(&[Keyword::SET, Keyword::SCHEMA])?;
    let schema = fold(&parser.parse_identifier()?);
    Ok(Parsed::SetSchema { table, schema })
}

fn parse_statement(tokens: &[Token]) -> Result<Parsed, ParserError> {
    let mut parser = parser(tokens);
    let statement = parser.parse_statement()?;
    let next = parser.peek_token().token;
    if next == Token::EOF {
        Ok(Parsed::Statement(Box::new(statement)))
    } else if matches!(statement, Statement::CreateSchema { .. }) && creates_table(tokens) {
        Ok(Parsed::SchemaWithTables)
    } else if matches!(statement, Statement::CreateSchema { .. }) {
        Ok(Parsed::Statement(Box::new(statement)))
    } else {
        Err(ParserError::ParserError(format!(
            "nothing was expected at {next}"
        )))
    }
}

fn parser(tokens: &[Token]) -> Parser<'static> {
    Parser::new(&PostgreSqlDialect {}).with_tokens(tokens.to_vec())
}

/// Whether one of a schema's elements is a table.
fn creates_table(tokens: &[Token]) -> bool {
    let words = keywords(tokens);
    words.iter().enumerate().any(|(at, word)| {
        *word == Keyword::CREATE
            && matches!(
                words.get(at + 1..),
                Some([Keyword::TABLE, ..] | [Keyword::UNLOGGED, Keyword::TABLE, ..])
            )
    })
}

fn is_create_trigger(tokens: &[Token]) -> bool {
    use Keyword::{CONSTRAINT, CREATE, OR, REPLACE, TRIGGER};
    matches!(
        keywords(tokens).as_slice(),
        [CREATE, TRIGGER, ..]
            | [CREATE, CONSTRAINT, TRIGGER, ..]
            | [CREATE, OR, REPLACE, TRIGGER, ..]
            | [CREATE, OR, REPLACE, CONSTRAINT, TRIGGER, ..]
    )
}

fn keywords(tokens: &[Token]) -> Vec<Keyword> {
    tokens
        .iter()
        .filter(|token| is_word_or_sign(token))
        .map(|token| match token {
            Token::Word(word) if word.quote_style.is_none() => word.keyword,
            _ => Keyword::NoKeyword,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{super::split::split, *};

    fn one(sql: &str) -> Parsed {
        parse(&split(sql).unwrap()[0])
    }

    #[test]
    fn rows_sessions_and_transactions_are_quiet() {
        for sql in [
            "SELECT 1",
            "/* why */ insert into book values (1)",
            "WITH x AS (SELECT 1) UPDATE book SET id = 1",
            "SET LOCAL lock_timeout = '1s'",
            "BEGIN",
            "ROLLBACK TO SAVEPOINT a",
            "(SELECT 1) UNION (SELECT 2)",
        ] {
            assert!(matches!(one(sql), Parsed::Quiet), "{sql}");
            assert!(is_quiet(sql) || sql.starts_with(['(', '/']), "{sql}");
        }
        assert!(!is_quiet("CREATE TABLE book ()") && !is_quiet(""));
    }

    #[test]
    fn set_schema_is_read() {
        match one(r#"ALTER TABLE IF EXISTS ONLY "Book" SET SCHEMA Archive"#) {
            Parsed::SetSchema { table, schema } => {
                assert_eq!(
                    (table.to_string().as_str(), schema.as_str()),
                    ("Book", "archive")
                );
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_tables_in_a_schema_count() {
        assert!(matches!(
            one("CREATE SCHEMA a CREATE TABLE b (id int)"),
            Parsed::SchemaWithTables
        ));
        assert!(matches!(
            one("CREATE SCHEMA a CREATE VIEW b AS SELECT 1"),
            Parsed::Statement(_)
        ));
        assert!(matches!(
            one("CREATE SCHEMA IF NOT EXISTS a"),
            Parsed::Statement(_)
        ));
    }

    #[test]
    fn what_is_not_understood_says_why() {
        assert!(matches!(one("CREATE SHELF book"), Parsed::Unparsed(_)));
        assert!(
            matches!(one("DO $$ BEGIN END $$"), Parsed::Unparsed(why) if why.contains("DO block"))
        );
        assert!(matches!(
            one("DROP TABLE book RESTRICT nonsense"),
            Parsed::Unparsed(_)
        ));
    }
}
