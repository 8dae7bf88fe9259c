//! SQL as its words, wherever they stand: for those who would rather see one too many.

/// Letters, digits and `_`, each word with where it starts.
pub(crate) fn words(sql: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let is_part = |character: char| character.is_alphanumeric() || character == '_';
        let start = rest + sql[rest..].find(is_part)?;
        let len = sql[start..].find(|character| !is_part(character));
        rest = len.map_or(sql.len(), |len| start + len);
        Some((start, &sql[start..rest]))
    })
}
