use std::collections::BTreeSet;

use super::{
    difference::{Change, Difference, Drift},
    key::{ObjectKey, ObjectKind},
    structure::{OWNER, PARTITION_BOUND, Properties, Structure},
};

impl Structure {
    /// What this structure has, lacks or has otherwise than `reference`.
    #[must_use]
    pub fn drift_from(&self, reference: &Self) -> Drift {
        let missing = Lacking::new(reference, self);
        let unexpected = Lacking::new(self, reference);
        let mut differences = Vec::new();
        for (key, expected) in &reference.objects {
            match self.objects.get(key) {
                None if missing.is_cause(key, expected) => {
                    differences.push(difference(key, Change::Missing));
                }
                Some(found) if !missing.is_part(key) && !unexpected.is_part(key) => {
                    differences
                        .extend(changes(expected, found).map(|change| difference(key, change)));
                }
                _ => {}
            }
        }
        for (key, found) in &self.objects {
            if !reference.objects.contains_key(key) && unexpected.is_cause(key, found) {
                differences.push(difference(key, Change::Unexpected));
            }
        }
        differences.sort_by(|one, other| place(one).cmp(&place(other)));
        Drift { differences }
    }
}

/// What one structure has and another lacks.
struct Lacking<'a> {
    of: &'a Structure,
    from: &'a Structure,
    relations: BTreeSet<&'a str>,
    columns: BTreeSet<String>,
}

impl<'a> Lacking<'a> {
    fn new(of: &'a Structure, from: &'a Structure) -> Self {
        let relations: BTreeSet<&str> = of
            .objects
            .iter()
            .filter(|(key, properties)| {
                key.kind.is_relation()
                    && from.objects.get(key).is_none_or(|other| {
                        // Of a partition no parts are read that could be compared.
                        properties.contains_key(PARTITION_BOUND)
                            != other.contains_key(PARTITION_BOUND)
                    })
            })
            .map(|(key, _)| key.name.as_str())
            .collect();
        let columns = of
            .columns()
            .filter(|(table, column)| {
                let key = ObjectKey::part_of(ObjectKind::Column, table, *column);
                relations.contains(table) || !from.objects.contains_key(&key)
            })
            .map(|(table, column)| format!("{table}.{column}"))
            .collect();
        Self {
            of,
            from,
            relations,
            columns,
        }
    }

    /// Whether the object is a part of a table or view that is lacking, or is another kind of table.
    fn is_part(&self, key: &ObjectKey) -> bool {
        let table = key.table.as_deref();
        table.is_some_and(|table| self.relations.contains(table))
    }

    /// Whether a lacking object has to be told, and does not follow from another.
    fn is_cause(&self, key: &ObjectKey, properties: &Properties) -> bool {
        let owner = properties.get(OWNER);
        // MySQL makes an index for each foreign key, of the same name.
        let backs_constraint = key.kind == ObjectKind::Index && {
            let mut constraint = key.clone();
            constraint.kind = ObjectKind::Constraint;
            self.of.objects.contains_key(&constraint)
                && !self.from.objects.contains_key(&constraint)
        };
        !self.is_part(key)
            && !owner.is_some_and(|column| self.columns.contains(column))
            && !backs_constraint
    }
}

fn changes<'a>(
    expected: &'a Properties,
    found: &'a Properties,
) -> impl Iterator<Item = Change> + 'a {
    let properties: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    properties
        .into_iter()
        .filter(|property| expected.get(*property) != found.get(*property))
        .map(|property| Change::Changed {
            property: property.clone(),
            expected: expected.get(property).cloned(),
            found: found.get(property).cloned(),
        })
}

fn difference(key: &ObjectKey, change: Change) -> Difference {
    Difference {
        object: key.kind,
        table: key.table.clone(),
        name: key.name.clone(),
        change,
    }
}

/// Tables and views by name, each before its parts; then all else. The sort is stable, so that
/// properties stay in their order.
fn place(difference: &Difference) -> (bool, Option<&str>, bool, ObjectKind, &str) {
    let relation = match &difference.table {
        Some(table) => Some(table.as_str()),
        None if difference.object.is_relation() => Some(difference.name.as_str()),
        None => None,
    };
    (
        relation.is_none(),
        relation,
        difference.table.is_some(),
        difference.object,
        &difference.name,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `kind table name property=value ..`, with `-` for no table.
    fn structure(objects: &[&str]) -> Structure {
        let mut structure = Structure::default();
        for object in objects {
            let words: Vec<&str> = object.split(' ').collect();
            let kind = serde_json::from_value(words[0].into()).unwrap();
            let key = match words[1] {
                "-" => ObjectKey::whole(kind, words[2]),
                table => ObjectKey::part_of(kind, table, words[2]),
            };
            let properties = structure.object(key);
            for property in &words[3..] {
                let (name, value) = property.split_once('=').unwrap();
                properties.insert(name.replace('_', " "), value.to_owned());
            }
        }
        structure
    }

    fn lines(found: &[&str], reference: &[&str]) -> Vec<String> {
        let drift = structure(found).drift_from(&structure(reference));
        drift.to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_structure_does_not_drift_from_itself() {
        let book = ["table - book", "column book id type=int"];
        assert!(structure(&book).drift_from(&structure(&book)).is_empty());
    }

    #[test]
    fn a_table_speaks_for_its_parts() {
        let book = [
            "table - book",
            "column book id type=int",
            "constraint book book_pkey",
            "sequence - book_id_seq owner_column=book.id",
        ];
        assert_eq!(lines(&[], &book), ["table book is missing"]);
        assert_eq!(lines(&book, &[]), ["table book is not in the reference"]);
        // One that became a view is not compared part by part.
        let view = ["view - book", "column book id type=text"];
        assert_eq!(
            lines(&view, &book),
            ["table book is missing", "view book is not in the reference"]
        );
    }

    #[test]
    fn a_partition_that_is_detached_has_parts_of_its_own() {
        let partition = ["table - book partition_bound=all"];
        let detached = ["table - book", "column book id type=int"];
        assert_eq!(
            lines(&detached, &partition),
            ["table book has no partition bound, and all in the reference"]
        );
        assert_eq!(
            lines(&partition, &detached),
            ["table book has partition bound all, and none in the reference"]
        );
    }

    #[test]
    fn a_column_speaks_for_its_sequence() {
        let reference = [
            "table - book",
            "column book id",
            "sequence - book_id_seq owner_column=book.id",
        ];
        assert_eq!(
            lines(&["table - book"], &reference),
            ["table book: column id is missing"]
        );
        assert_eq!(
            lines(&["table - book", "column book id"], &reference),
            ["sequence book_id_seq is missing"]
        );
    }

    #[test]
    fn a_constraint_speaks_for_its_index() {
        let table = "table - book";
        let constraint = "constraint book author";
        let index = "index book author";
        assert_eq!(
            lines(&[table], &[table, constraint, index]),
            ["table book: constraint author is missing"]
        );
        assert_eq!(
            lines(&[table, index], &[table, constraint, index]),
            ["table book: constraint author is missing"]
        );
        assert_eq!(
            lines(&[table, constraint], &[table, constraint, index]),
            ["table book: index author is missing"]
        );
    }

    #[test]
    fn tables_come_first_and_each_before_its_parts() {
        assert_eq!(
            lines(
                &[
                    "table - b status=x",
                    "column b id type=int default=1",
                    "type - a"
                ],
                &[
                    "table - b status=y",
                    "column b id type=text",
                    "table - a",
                    "view - c"
                ],
            ),
            [
                "table a is missing",
                "table b is x, and y in the reference",
                "table b: column id has default 1, and none in the reference",
                "table b: column id is int, and text in the reference",
                "view c is missing",
                "type a is not in the reference",
            ]
        );
    }
}
