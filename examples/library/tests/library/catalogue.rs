//! The books that the libraries should have, read from the file itself.

use std::{fs, path::Path};

use serde::Deserialize;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Record {
    pub title: String,
    pub author: String,
    pub born: Option<i32>,
    pub year: Option<i32>,
    pub language: String,
    pub genre: String,
}

/// Those in the languages, in the order of the file.
pub fn books_in(languages: &[&str]) -> Vec<Record> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue.csv");
    let mut books = parsed(&fs::read_to_string(file).unwrap());
    assert!(books.len() > 300);
    books.retain(|book| languages.contains(&book.language.as_str()));
    assert!(!books.is_empty());
    books
}

/// CSV with the catalogue's header, which must be there once.
pub fn parsed(csv: &str) -> Vec<Record> {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(
        reader.headers().unwrap(),
        ["title", "author", "born", "year", "language", "genre"].as_slice()
    );
    reader.deserialize().map(Result::unwrap).collect()
}
