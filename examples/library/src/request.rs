//! How requests are read, and what is refused before a handler sees it.

use actix_web::{
    error::{JsonPayloadError, PayloadError},
    web::{JsonConfig, PathConfig, QueryConfig},
};

use crate::problem::Refusal;

/// The most bytes that a body may have.
const LONGEST_BODY: usize = 16 * 1024;

/// Bodies are JSON, and short.
pub fn json() -> JsonConfig {
    JsonConfig::default()
        .limit(LONGEST_BODY)
        .error_handler(|error, _| unreadable(&error).into())
}

fn unreadable(error: &JsonPayloadError) -> Refusal {
    match error {
        JsonPayloadError::OverflowKnownLength { .. }
        | JsonPayloadError::Overflow { .. }
        | JsonPayloadError::Payload(PayloadError::Overflow) => Refusal::too_large(LONGEST_BODY),
        JsonPayloadError::ContentType => Refusal::not_json(),
        // JSON, but with a field missing, unknown or of the wrong kind.
        JsonPayloadError::Deserialize(error) if error.is_data() => {
            Refusal::unprocessable(error.to_string())
        }
        other => Refusal::malformed(other.to_string()),
    }
}

/// What stands in a path is an id, or there is no such thing.
pub fn path() -> PathConfig {
    PathConfig::default().error_handler(|_, _| Refusal::not_found("ids are whole numbers").into())
}

/// Parameters that nobody knows are mistakes.
pub fn query() -> QueryConfig {
    QueryConfig::default()
        .error_handler(|error, _| Refusal::unprocessable(format!("the query: {error}")).into())
}

/// A text that somebody wrote: without blanks around it, not empty, of a bounded length, and
/// without control characters, which no title has and not every database takes.
pub fn text(field: &str, value: &str, most: usize) -> Result<String, Refusal> {
    let value = value.trim();
    let refused = |why: String| Err(Refusal::unprocessable(format!("`{field}` {why}")));
    if value.is_empty() {
        return refused("is empty".to_owned());
    }
    if value.chars().count() > most {
        return refused(format!("has more than {most} characters"));
    }
    if value.chars().any(char::is_control) {
        return refused("has control characters in it".to_owned());
    }
    Ok(value.to_owned())
}

/// A whole number between two others.
pub fn within<T>(field: &str, value: T, least: T, most: T) -> Result<T, Refusal>
where
    T: PartialOrd + std::fmt::Display,
{
    if value < least || value > most {
        return Err(Refusal::unprocessable(format!(
            "`{field}` is not between {least} and {most}"
        )));
    }
    Ok(value)
}
