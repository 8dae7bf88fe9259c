use sqlparser::{
    dialect::PostgreSqlDialect,
    keywords::Keyword,
    tokenizer::{Token, Tokenizer, TokenizerError},
};

/// Cuts a string into its statements: the tokens of each, semicolons and empty ones left out.
///
/// A semicolon inside parentheses (`CREATE RULE`) or inside an SQL-standard function body
/// (`BEGIN ATOMIC .. END`) ends no statement; those in literals, comments and dollar quotes are no
/// tokens at all.
pub(super) fn split(sql: &str) -> Result<Vec<Vec<Token>>, TokenizerError> {
    let mut statements = Vec::new();
    let mut statement = Vec::new();
    let mut nesting = Nesting::default();
    for token in Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize()? {
        nesting.step(&token);
        if token == Token::SemiColon && nesting.is_flat() {
            statements.push(std::mem::take(&mut statement));
            nesting = Nesting::default();
        } else {
            statement.push(token);
        }
    }
    statements.push(statement);
    statements.retain(|tokens| tokens.iter().any(is_word_or_sign));
    Ok(statements)
}

/// Renders a statement on one line of bounded length, without its comments.
pub(super) fn shorten(tokens: &[Token]) -> String {
    let text: String = tokens
        .iter()
        .map(|token| match token {
            Token::Whitespace(_) => " ".to_owned(),
            token => token.to_string(),
        })
        .collect();
    shorten_text(&text)
}

/// The longest text of a statement in a finding, in characters.
const LINE: usize = 96;

/// Cuts a text to one line of bounded length.
pub(super) fn shorten_text(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LINE) {
        Some((end, _)) => format!("{} ..", line[..end].trim_end()),
        None => line,
    }
}

/// Whether a token says something: is neither blank nor a comment.
pub(super) fn is_word_or_sign(token: &Token) -> bool {
    !matches!(token, Token::Whitespace(_))
}

/// Where inside a statement a token is.
#[derive(Default)]
struct Nesting {
    parentheses: usize,
    /// Of `BEGIN ATOMIC` and of each `CASE` in it: what awaits an `END`.
    blocks: usize,
    begin: bool,
}

impl Nesting {
    fn is_flat(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn step(&mut self, token: &Token) {
        let begin = std::mem::take(&mut self.begin);
        match token {
            Token::LParen => self.parentheses += 1,
            Token::RParen => self.parentheses = self.parentheses.saturating_sub(1),
            Token::Whitespace(_) => self.begin = begin,
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::BEGIN => self.begin = true,
                Keyword::ATOMIC if begin => self.blocks += 1,
                Keyword::CASE if self.blocks > 0 => self.blocks += 1,
                Keyword::END => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            },
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        split(sql).unwrap().iter().map(|t| shorten(t)).collect()
    }

    #[test]
    fn statements_end_at_semicolons_only() {
        assert_eq!(
            texts("SELECT 1; SELECT 2;\n-- end;\n;"),
            ["SELECT 1", "SELECT 2"]
        );
        assert_eq!(texts("SELECT ';' /* ; */, $$;$$").len(), 1);
        assert_eq!(
            texts("CREATE RULE r AS ON UPDATE TO t DO (SELECT 1; SELECT 2)").len(),
            1
        );
        assert_eq!(texts("BEGIN; SELECT 1; END; SELECT 2").len(), 4);
    }

    #[test]
    fn a_standard_function_body_is_one_statement() {
        let sql = "CREATE FUNCTION f(a int) RETURNS int BEGIN ATOMIC
                     SELECT CASE WHEN a > 0 THEN 1 ELSE 2 END; SELECT 3;
                   END; SELECT 4";
        assert_eq!(texts(sql).len(), 2);
    }

    #[test]
    fn a_long_statement_is_cut_between_characters() {
        let text = shorten_text(&format!("SELECT\n  '{}'", "ä".repeat(200)));
        assert!(text.starts_with("SELECT 'ä") && text.ends_with("ä .."));
        assert_eq!(text.chars().count(), LINE + 3);
        assert_eq!(shorten_text("a\tb\n"), "a b");
    }
}
