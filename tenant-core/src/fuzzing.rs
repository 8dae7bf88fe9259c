//! What fuzzers do with this crate: each function takes anything, and panics where a promise is
//! broken. libFuzzer drives them (`fuzz/`, with a nightly compiler), and so do the tests below, with
//! random input and for a bounded time.

use std::{borrow::Cow, fmt::Write as _};

use arbitrary::{Result, Unstructured};
use sea_orm::DbBackend;

use crate::{PLACEHOLDER, QuotedSchema, SchemaName};

/// The rewriter on anything: it changes nothing but placeholders, is idempotent, and grows no more
/// than the placeholders allow.
pub fn qualify(input: &mut Unstructured<'_>) -> Result<()> {
    const PIECES: [&str; 32] = [
        "$tenant",
        "$tenant.",
        "\"$tenant\"",
        "`$tenant`",
        "'$tenant'",
        "\"$tenant.",
        "'",
        "\"",
        "`",
        "''",
        "\"\"",
        "\\",
        "--",
        "-- ",
        "/*",
        "*/",
        "#",
        "$",
        "$$",
        "$a$",
        "$tenant$",
        "$1",
        "[",
        "]",
        "E'",
        ".",
        " ",
        "\n",
        "\r",
        "\0",
        "é",
        "FROM book",
    ];
    let backend = *input.choose(&[DbBackend::Postgres, DbBackend::MySql, DbBackend::Sqlite])?;
    let sql = text(input, &PIECES)?;
    let schema = QuotedSchema::new(&SchemaName::from_static("acme"), backend);
    let places = sql.matches(PLACEHOLDER).count();
    let once = crate::qualify(&sql, &schema);
    if places == 0 {
        assert!(matches!(&once, Cow::Borrowed(same) if *same == sql));
    }
    assert!(once.matches(PLACEHOLDER).count() <= places);
    // This schema is shorter than the placeholder in every spelling.
    assert!(once.len() <= sql.len());
    assert_eq!(crate::qualify(&once, &schema), once);
    Ok(())
}

/// Answers of something that may not be the tenant service: they are understood as they are meant,
/// or refused without repeating what could be a secret.
#[cfg(feature = "service-client")]
pub use crate::client::fuzzing::{answers, events};

/// Text of pieces that matter where it is read, with anything in between.
pub(crate) fn text(input: &mut Unstructured<'_>, pieces: &[&str]) -> Result<String> {
    let mut text = String::new();
    while !input.is_empty() && text.len() < 4096 {
        match input.int_in_range(0..=15)? {
            0 => text.push(input.arbitrary()?),
            1 => {
                let _ = write!(text, "{}", input.arbitrary::<u16>()?);
            }
            _ => text.push_str(input.choose(pieces)?),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    use super::*;

    /// As long as the form of the attacks that runs says.
    fn fuzz(fuzzed: impl Fn(&mut Unstructured<'_>) -> Result<()>) {
        let mut inputs = 0_u64;
        arbtest(|input| {
            inputs += 1;
            fuzzed(input)
        })
        .size_max(4096)
        .budget(figures::fuzzing_time())
        .run();
        figures::figure("inputs-fuzzed", inputs);
    }

    #[test]
    fn no_input_breaks_the_rewriter() {
        fuzz(qualify);
    }

    #[cfg(feature = "service-client")]
    #[test]
    fn no_answer_breaks_the_client() {
        fuzz(answers);
    }

    #[cfg(feature = "service-client")]
    #[test]
    fn no_stream_of_events_breaks_the_client() {
        fuzz(events);
    }
}
