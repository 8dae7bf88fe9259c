//! The books that libraries begin with: works whose authors died long ago.

use std::collections::BTreeSet;

use sea_orm_tenant::TenantInfo;
use serde::Deserialize;

const CATALOGUE: &str = include_str!("../catalogue.csv");

/// One book of the catalogue.
#[derive(Debug, Deserialize)]
pub struct Record {
    pub title: String,
    pub author: String,
    pub born: Option<i32>,
    pub year: Option<i32>,
    pub language: String,
    pub genre: String,
}

/// All books there are.
#[derive(Debug)]
pub struct Catalogue(Vec<Record>);

impl Catalogue {
    /// Reads the catalogue, which is part of the program.
    pub fn read() -> Result<Self, csv::Error> {
        let records = csv::Reader::from_reader(CATALOGUE.as_bytes()).into_deserialize();
        records.collect::<Result<_, _>>().map(Self)
    }

    /// Every genre once.
    pub fn genres(&self) -> BTreeSet<&str> {
        self.0.iter().map(|record| record.genre.as_str()).collect()
    }

    /// The part that a library gets: books in the languages that its metadata names. Without any it
    /// begins empty.
    pub fn part_for(&self, tenant: &TenantInfo) -> Vec<&Record> {
        let languages: Vec<_> = tenant
            .metadata
            .get("languages")
            .and_then(|languages| languages.as_array())
            .into_iter()
            .flatten()
            .filter_map(|language| language.as_str())
            .collect();
        let wanted = |record: &&Record| languages.contains(&record.language.as_str());
        self.0.iter().filter(wanted).collect()
    }
}
