use std::fmt::Display;

use comfy_table::{Table, presets};

/// How many rows are shown unless all are asked for.
const SOME: usize = 50;

/// Aligned columns. Of more rows than can be taken in, some, and how many are left out.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    all: bool,
) -> String {
    let mut rows: Vec<_> = rows.into_iter().collect();
    let left_out = match all {
        true => 0,
        false => rows.len().saturating_sub(SOME),
    };
    rows.truncate(rows.len() - left_out);
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let mut text = table.trim_fmt();
    if left_out > 0 {
        text.push_str(&format!("\n.. and {left_out} more: --all shows them"));
    }
    text
}

/// `1 tenant`, `2 tenants`.
pub(super) fn number_of(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// `acme, globex and 3 others`.
pub(super) fn names<T: Display>(names: &[T], all: bool) -> String {
    const SHOWN: usize = 5;
    let shown = match all || names.len() <= SHOWN + 1 {
        true => names.len(),
        false => SHOWN,
    };
    let mut text = String::new();
    for (at, name) in names[..shown].iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&name.to_string());
    }
    if shown < names.len() {
        text.push_str(&format!(" and {} others", names.len() - shown));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_rows_are_bounded() {
        let row = |id: &str, what: &str| [id.to_owned(), what.to_owned()];
        let text = table(["ID", "WHAT"], [row("a", "x"), row("longer", "y")], false);
        assert_eq!(text, "ID      WHAT\na       x\nlonger  y");
        let many = || (0..60).map(|number| row(&number.to_string(), "x"));
        let text = table(["ID", "WHAT"], many(), false);
        assert_eq!(text.lines().count(), 52);
        assert!(text.ends_with(".. and 10 more: --all shows them"));
        assert_eq!(table(["ID", "WHAT"], many(), true).lines().count(), 61);
        assert_eq!(table(["ID", "WHAT"], [], false), "");
    }

    #[test]
    fn many_names_are_some_and_others() {
        assert_eq!(names(&["a", "b"], false), "a, b");
        let many: Vec<u32> = (1..=9).collect();
        assert_eq!(names(&many, false), "1, 2, 3, 4, 5 and 4 others");
        assert_eq!(names(&many, true), "1, 2, 3, 4, 5, 6, 7, 8, 9");
    }
}
