use std::fmt;

use serde::Serialize;

use super::key::ObjectKind;

/// Everything that differs between a schema and its reference, in a fixed order: tables and views
/// by name, each before its parts, and then all else.
///
/// It prints one difference a line, in words. Serialised, it has no field but `differences`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Drift {
    /// One for each cause, as far as causes can be told: a missing table's columns are not listed
    /// beside it.
    pub differences: Vec<Difference>,
}

impl Drift {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, difference) in self.differences.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{difference}")?;
        }
        Ok(())
    }
}

/// One thing that is not as it is in the reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// What the object is.
    pub object: ObjectKind,
    /// The table or view that the object is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// What the object is called.
    pub name: String,
    /// What differs. Serialised, its fields stand beside those of the difference, and `kind` says
    /// which it is.
    #[serde(flatten)]
    pub change: Change,
}

/// How an object differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Change {
    /// The reference has the object, and the schema has not.
    Missing,
    /// The schema has the object, and the reference has not.
    Unexpected,
    /// Both have it, and it is not the same.
    Changed {
        /// Which property of the object, in lower case: `type`, `default`, `definition`.
        property: String,
        /// What the reference has, if it has the property.
        expected: Option<String>,
        /// What the schema has, if it has the property.
        found: Option<String>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(table) = &self.table {
            write!(f, "table {table}: ")?;
        }
        write!(f, "{} {}", self.object, self.name)?;
        let (property, expected, found) = match &self.change {
            Change::Missing => return write!(f, " is missing"),
            Change::Unexpected => return write!(f, " is not in the reference"),
            Change::Changed {
                property,
                expected,
                found,
            } => (property, expected.as_deref(), found.as_deref()),
        };
        let (expected, found) = (expected.map(on_one_line), found.map(on_one_line));
        if expected == found {
            return write!(f, " has another {property}, in white space only");
        }
        let (expected, found) = excerpts(expected, found);
        match (is_state(property), found) {
            (true, Some(found)) => write!(f, " is {found}")?,
            (false, Some(found)) => write!(f, " has {property} {found}")?,
            (_, None) => write!(f, " has no {property}")?,
        }
        match expected {
            Some(expected) => write!(f, ", and {expected} in the reference"),
            None => write!(f, ", and none in the reference"),
        }
    }
}

/// Whether an object is, rather than has, the property.
fn is_state(property: &str) -> bool {
    matches!(
        property,
        "type" | "nullability" | "kind" | "persistence" | "status" | "uniqueness"
    )
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The texts themselves, or what is around their first difference when they are long.
fn excerpts(expected: Option<String>, found: Option<String>) -> (Option<String>, Option<String>) {
    /// Characters of a text that is shown as a whole.
    const WHOLE: usize = 160;
    /// Characters in front of the first difference.
    const BEFORE: usize = 40;

    let first = match (&expected, &found) {
        (Some(expected), Some(found)) => expected
            .chars()
            .zip(found.chars())
            .take_while(|(one, other)| one == other)
            .count(),
        _ => 0,
    };
    let start = first.saturating_sub(BEFORE);
    let is_long = |text: &Option<String>| text.as_ref().is_some_and(|t| t.chars().count() > WHOLE);
    if !is_long(&expected) && !is_long(&found) {
        return (expected, found);
    }
    let cut = |text: String| {
        let ellipsis = |is_cut: bool| if is_cut { "…" } else { "" };
        let rest = text.chars().skip(start);
        let is_cut = rest.clone().count() > WHOLE;
        let shown: String = rest.take(WHOLE).collect();
        format!("{}{shown}{}", ellipsis(start > 0), ellipsis(is_cut))
    };
    (expected.map(cut), found.map(cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(property: &str, expected: Option<&str>, found: Option<&str>) -> Difference {
        Difference {
            object: ObjectKind::Column,
            table: Some("book".to_owned()),
            name: "title".to_owned(),
            change: Change::Changed {
                property: property.to_owned(),
                expected: expected.map(str::to_owned),
                found: found.map(str::to_owned),
            },
        }
    }

    #[test]
    fn differences_read_as_sentences() {
        let said = |property, expected, found| changed(property, expected, found).to_string();
        assert_eq!(
            said("type", Some("varchar(100)"), Some("varchar(200)")),
            "table book: column title is varchar(200), and varchar(100) in the reference"
        );
        assert_eq!(
            said("default", Some("0"), None),
            "table book: column title has no default, and 0 in the reference"
        );
        assert_eq!(
            said("default", None, Some("1")),
            "table book: column title has default 1, and none in the reference"
        );
        assert_eq!(
            said("body", Some("BEGIN\nEND"), Some("BEGIN END")),
            "table book: column title has another body, in white space only"
        );
    }

    #[test]
    fn long_texts_are_shown_around_their_difference() {
        let same = "é".repeat(200);
        let said = changed(
            "body",
            Some(&format!("{same}one")),
            Some(&format!("{same}two")),
        );
        let shown = "é".repeat(40);
        assert_eq!(
            said.to_string(),
            format!(
                "table book: column title has body …{shown}two, and …{shown}one in the reference"
            )
        );
    }

    #[test]
    fn json_is_flat_and_in_lower_case() {
        let drift = Drift {
            differences: vec![
                changed("default", Some("0"), None),
                Difference {
                    object: ObjectKind::MaterializedView,
                    table: None,
                    name: "counts".to_owned(),
                    change: Change::Missing,
                },
            ],
        };
        assert_eq!(
            serde_json::to_value(&drift).unwrap(),
            serde_json::json!({"differences": [
                {
                    "object": "column", "table": "book", "name": "title", "kind": "changed",
                    "property": "default", "expected": "0", "found": null,
                },
                {"object": "materialized view", "name": "counts", "kind": "missing"},
            ]})
        );
    }
}
