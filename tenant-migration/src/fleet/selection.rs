use std::{collections::BTreeSet, path::Path, str::FromStr};

use glob::Pattern;
use tenant_core::{
    PlacedTenant, TenantDirectory, TenantError, TenantId, TenantQuery, TenantStatus,
};

use super::Fleet;
use crate::MigrationError;

/// Which tenants.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Selection {
    /// All there are.
    #[default]
    All,
    /// These. One that there is not is an error.
    Ids(BTreeSet<TenantId>),
    /// Those whose id matches one of the patterns, which [`parse`](Self::parse) makes.
    Glob(Patterns),
}

/// Patterns of ids: `*`, `?`, `[a-c]`.
#[derive(Clone, Debug)]
pub struct Patterns(Vec<Pattern>);

impl Selection {
    /// Those that are named, each by an id or by a pattern; all, when none is.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] for a word that is neither.
    pub fn parse<W: AsRef<str>>(words: &[W]) -> Result<Self, MigrationError> {
        if words.is_empty() {
            return Ok(Self::All);
        }
        let is_pattern = |word: &W| word.as_ref().contains(['*', '?', '[']);
        if words.iter().any(is_pattern) {
            let patterns = words.iter().map(|word| pattern(word.as_ref()));
            return Ok(Self::Glob(Patterns(patterns.collect::<Result<_, _>>()?)));
        }
        let ids = words.iter().map(|word| TenantId::from_str(word.as_ref()));
        Ok(Self::Ids(
            ids.collect::<Result<_, _>>().map_err(TenantError::from)?,
        ))
    }

    /// Those that a file names, one id a line. Empty lines, and what follows a `#`, are left out.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Configuration`] when the file cannot be read, or a line is no id.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, MigrationError> {
        let path = path.as_ref();
        let unusable = |what: String| {
            MigrationError::Configuration(format!("the file of tenants {}: {what}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        let mut ids = BTreeSet::new();
        for (number, line) in text.lines().enumerate() {
            let id = line.split('#').next().unwrap_or_default().trim();
            if id.is_empty() {
                continue;
            }
            let id = TenantId::from_str(id)
                .map_err(|error| unusable(format!("line {}: {error}", number + 1)))?;
            ids.insert(id);
        }
        Ok(Self::Ids(ids))
    }

    fn has(&self, id: &TenantId) -> bool {
        match self {
            Self::All => true,
            Self::Ids(ids) => ids.contains(id),
            Self::Glob(Patterns(patterns)) => {
                patterns.iter().any(|pattern| pattern.matches(id.as_str()))
            }
        }
    }
}

/// One that has a character in it that no id has would match nobody, and was meant otherwise.
fn pattern(word: &str) -> Result<Pattern, MigrationError> {
    let refused = |why: &dyn std::fmt::Display| {
        MigrationError::Configuration(format!("the pattern {word:?}: {why}"))
    };
    let may_be = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '_' | '-' | '*' | '?' | '[' | ']' | '!');
    if let Some(character) = word.chars().find(|character| !may_be(*character)) {
        return Err(refused(&format_args!("no id has {character:?} in it")));
    }
    Pattern::new(word).map_err(|error| refused(&error))
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// The tenants of a selection, in the order of their ids. What is wrong with one tenant's entry is
    /// said with the tenant.
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`] for one that is named and not there, before anything is done to
    /// the others; those of [`TenantDirectory::list_placed`].
    pub async fn tenants(
        &self,
        selection: &Selection,
    ) -> Result<Vec<PlacedTenant>, MigrationError> {
        /// More are found sooner by reading all there are, of which a page has ten times as many.
        const ONE_BY_ONE: usize = 100;

        let mut selected = Vec::new();
        if let Selection::Ids(ids) = selection
            && ids.len() <= ONE_BY_ONE
        {
            for id in ids {
                selected.push(self.registry().placed(id).await?);
            }
            return Ok(selected);
        }
        let mut query = TenantQuery::default().with_limit(1000);
        loop {
            let page = self.registry().list_placed(&query).await?;
            selected.extend(
                page.tenants
                    .into_iter()
                    .filter(|tenant| selection.has(&tenant.id)),
            );
            match page.next {
                Some(next) => query = query.with_after(next),
                None => break,
            }
        }
        if let Selection::Ids(ids) = selection {
            let found: BTreeSet<_> = selected.iter().map(|tenant| &tenant.id).collect();
            if let Some(missing) = ids.iter().find(|id| !found.contains(id)) {
                return Err(TenantError::UnknownTenant {
                    tenant: missing.clone(),
                }
                .into());
            }
        }
        Ok(selected)
    }
}

/// Whether a tenant in this status has a schema that is to be kept up to date.
pub(crate) fn has_schema(status: TenantStatus) -> bool {
    matches!(
        status,
        TenantStatus::Active | TenantStatus::Suspended | TenantStatus::Maintenance
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(words: &[&str], id: &str) -> bool {
        Selection::parse(words).unwrap().has(&id.parse().unwrap())
    }

    #[test]
    fn words_are_ids_or_patterns() {
        assert!(has(&[], "acme"));
        assert!(has(&["acme", "globex"], "globex"));
        assert!(!has(&["acme", "globex"], "initech"));
        assert!(has(&["acme", "g*"], "globex"));
        assert!(has(&["acme", "g*"], "acme"));
        assert!(has(&["[a-c]c??"], "acme"));
        assert!(!has(&["g*"], "acme"));
        assert!(Selection::parse(&["Acme"]).is_err());
        assert!(Selection::parse(&["[a"]).is_err());
        for never in ["Acme*", "acme *", "a*'", "é?", "a*\n"] {
            let refused = Selection::parse(&[never]).unwrap_err().to_string();
            assert!(refused.contains("no id has"), "{refused}");
        }
    }

    #[test]
    fn a_file_has_an_id_a_line() {
        let file = std::env::temp_dir().join(format!("tenants-{}.txt", std::process::id()));
        std::fs::write(&file, "acme\n\n# a comment\nglobex  # another one\n").unwrap();
        let selection = Selection::from_file(&file).unwrap();
        std::fs::write(&file, "acme\nGlobex\n").unwrap();
        let error = Selection::from_file(&file).unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        assert!(selection.has(&"globex".parse().unwrap()));
        assert!(!selection.has(&"another".parse().unwrap()));
        assert!(
            error.contains("line 2") && error.contains("Globex"),
            "{error}"
        );
    }
}
