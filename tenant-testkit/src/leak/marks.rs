use std::{collections::HashMap, fmt, sync::Arc};

use tenant_core::TenantId;

/// Whose rows they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Owner {
    /// A tenant.
    Tenant(TenantId),
    /// Nobody: tables of the same names, in the schema that unqualified names are in.
    DefaultSchema,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(tenant) => write!(f, "tenant {tenant}"),
            Self::DefaultSchema => f.write_str("the default schema"),
        }
    }
}

/// Rows of each owner in each table.
const ROWS: u32 = 2;
/// Far from those that an application's own rows get, and within 32 bits.
const FIRST_ID: i64 = 910_000_000;
/// Automatic ids go on after the largest, so owners are far from each other, too.
const APART: i64 = 10_000_000;

/// What rows of one owner are recognised by, wherever they turn up.
///
/// Each owner has rows whose ids all owners have, so that a question for one of those finds a row in
/// a wrong schema, too; and rows whose ids no other has.
#[derive(Clone, Debug)]
pub struct Mark {
    text: Arc<str>,
    index: u32,
}

impl Mark {
    /// Text to be written: whoever reads it later is this tenant, or a leak.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}w", self.text)
    }

    /// Ids of rows that every tenant has, each its own.
    #[must_use]
    pub fn common_ids(&self) -> Vec<i64> {
        (1..=ROWS).map(|row| FIRST_ID + i64::from(row)).collect()
    }

    /// Ids of rows that only this tenant has.
    #[must_use]
    pub fn own_ids(&self) -> Vec<i64> {
        let first = FIRST_ID + APART * i64::from(self.index + 1);
        (1..=ROWS).map(|row| first + i64::from(row)).collect()
    }

    /// The rows to be planted: each with its text, its id and a small number.
    pub(super) fn rows(&self) -> impl Iterator<Item = PlantedRow> {
        let ids = self.common_ids().into_iter().chain(self.own_ids());
        ids.enumerate().map(|(number, id)| PlantedRow {
            text: format!("{}r{number}", self.text),
            id,
            number: i64::try_from(number).unwrap_or_default() + 1,
        })
    }
}

/// One row to be planted.
#[derive(Clone, Debug)]
pub(super) struct PlantedRow {
    pub(super) text: String,
    pub(super) id: i64,
    pub(super) number: i64,
}

/// The marks of all owners.
#[derive(Clone, Debug)]
pub(super) struct Marks {
    owners: Vec<(Owner, Mark)>,
    ids: HashMap<i64, usize>,
}

/// Something of an owner's that turned up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Found {
    Text(String),
    Id(i64),
}

impl Marks {
    pub(super) fn new(owners: impl IntoIterator<Item = Owner>, seed: u64) -> Self {
        let owners: Vec<_> = (0..)
            .zip(owners)
            .map(|(index, owner)| {
                // Short: it is planted in columns that may be.
                let text = format!("lk{:04x}{}", seed & 0xffff, letter(index)).into();
                (owner, Mark { text, index })
            })
            .collect();
        let ids = owners.iter().enumerate().flat_map(|(at, (_, mark))| {
            let ids = mark.own_ids();
            ids.into_iter().map(move |id| (id, at))
        });
        Self {
            ids: ids.collect(),
            owners,
        }
    }

    pub(super) fn of(&self, owner: &Owner) -> Option<&Mark> {
        let mut owners = self.owners.iter();
        owners
            .find(|(known, _)| known == owner)
            .map(|(_, mark)| mark)
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = &Owner> {
        self.owners.iter().map(|(owner, _)| owner)
    }

    /// Whatever in a text is an owner's.
    pub(super) fn find<'m>(&'m self, text: &str) -> Vec<(&'m Owner, Found)> {
        let mut found = Vec::new();
        for (owner, mark) in &self.owners {
            for (at, _) in text.match_indices(&*mark.text) {
                let word: String = text[at..]
                    .chars()
                    .take_while(char::is_ascii_alphanumeric)
                    .collect();
                found.push((owner, Found::Text(word)));
            }
        }
        for number in text.split(|c: char| !c.is_ascii_digit()) {
            if let Ok(id) = number.parse()
                && let Some((owner, _)) = self.ids.get(&id).and_then(|at| self.owners.get(*at))
            {
                found.push((owner, Found::Id(id)));
            }
        }
        found
    }
}

/// No digit, which the number of the row would run into.
fn letter(index: u32) -> String {
    let mut letters = String::new();
    let mut rest = index;
    loop {
        let letter = u8::try_from(rest % 13).unwrap_or_default();
        letters.push(char::from(b'a' + letter));
        rest /= 13;
        if rest == 0 {
            // What ends it is no such letter, so no mark begins as another.
            letters.push('z');
            return letters;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(count: usize) -> (Vec<Owner>, Marks) {
        let tenants = (0..count)
            .map(|number| Owner::Tenant(TenantId::try_from(format!("t{number}")).expect("an id")));
        let owners: Vec<_> = tenants.chain([Owner::DefaultSchema]).collect();
        (owners.clone(), Marks::new(owners, 7))
    }

    #[test]
    fn each_owner_finds_its_own_and_no_others() {
        let (owners, marks) = marks(40);
        for owner in &owners {
            let mark = marks.of(owner).expect("known");
            let mut text = mark.text();
            for row in mark.rows() {
                text.push_str(&format!(" [{}, {}]", row.text, row.id));
            }
            let found = marks.find(&text);
            // One written, four planted, and two ids of its own; those of everybody say nothing.
            assert_eq!(found.len(), 7, "{text}: {found:?}");
            assert!(found.iter().all(|(of, _)| *of == owner), "{found:?}");
        }
    }

    #[test]
    fn a_number_inside_a_longer_one_is_no_id() {
        let (owners, marks) = marks(2);
        let id = marks.of(&owners[0]).expect("known").own_ids()[0];
        assert_eq!(marks.find(&format!("id={id},")).len(), 1);
        assert_eq!(marks.find(&format!("id=1{id}")), []);
        assert_eq!(marks.find(&format!("{id}0")), []);
    }
}
