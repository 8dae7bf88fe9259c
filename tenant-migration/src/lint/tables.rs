use std::collections::HashMap;

use super::columns::Sequence;

/// The tables in the tenant's schema, as the statements so far left them.
#[derive(Debug, Default)]
pub(super) struct Tables(HashMap<String, Table>);

/// What later statements may run into.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// A temporary table stays on the coordinator: Citus has nothing to say about it.
    pub(super) temporary: bool,
    /// The columns that came with a sequence.
    pub(super) sequences: HashMap<String, Sequence>,
}

impl Tables {
    pub(super) fn create(&mut self, name: &str, temporary: bool) -> &mut Table {
        let table = self.0.entry(name.to_owned()).or_default();
        table.temporary = temporary;
        table
    }

    /// The table, also one that no statement made: it may be from an unreadable one.
    pub(super) fn entry(&mut self, name: &str) -> &mut Table {
        self.0.entry(name.to_owned()).or_default()
    }

    pub(super) fn forget(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn rename(&mut self, old: &str, new: String) {
        if let Some(table) = self.0.remove(old) {
            self.0.insert(new, table);
        }
    }

    pub(super) fn is_temporary(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|table| table.temporary)
    }

    pub(super) fn has_identity(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|table| {
            table
                .sequences
                .values()
                .any(|kind| *kind == Sequence::Identity)
        })
    }

    pub(super) fn sequence(&self, name: &str, column: &str) -> Option<Sequence> {
        self.0.get(name)?.sequences.get(column).copied()
    }
}
