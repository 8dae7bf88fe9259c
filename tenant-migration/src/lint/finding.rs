use std::fmt;

use serde::Serialize;

use super::{Rule, Severity};

/// One thing that Citus would refuse, or that somebody should look at.
///
/// Displayed, it is one line that names the statement, the trouble and the way out, and counts
/// statements from one:
/// `statement 4: ALTER TABLE book ADD COLUMN pages integer CHECK (pages > 0): Citus refuses ..`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// Which of the statements: its index, from zero, in the slice that was checked.
    pub statement: usize,
    /// The statement without its comments, cut to one line.
    pub sql: String,
    /// What it runs against.
    pub rule: Rule,
    /// Whether Citus refuses it.
    pub severity: Severity,
    /// What the trouble is, and what to write instead.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.statement.saturating_add(1);
        write!(f, "statement {number}: {}: ", self.sql)?;
        if self.severity == Severity::Note {
            write!(f, "{}: ", self.severity)?;
        }
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(severity: Severity) -> Finding {
        Finding {
            statement: 3,
            sql: "ALTER TABLE book ..".to_owned(),
            rule: Rule::InlineConstraint,
            severity,
            message: "add the column first".to_owned(),
        }
    }

    #[test]
    fn a_line_counts_from_one_and_marks_notes() {
        assert_eq!(
            finding(Severity::Error).to_string(),
            "statement 4: ALTER TABLE book ..: add the column first"
        );
        assert_eq!(
            finding(Severity::Note).to_string(),
            "statement 4: ALTER TABLE book ..: note: add the column first"
        );
    }

    #[test]
    fn json_has_the_names() {
        assert_eq!(
            serde_json::to_value(finding(Severity::Error)).unwrap(),
            serde_json::json!({
                "statement": 3,
                "sql": "ALTER TABLE book ..",
                "rule": "inline-constraint",
                "severity": "error",
                "message": "add the column first",
            })
        );
    }
}
