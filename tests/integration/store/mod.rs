//! The claims of stores that hold for every database.

mod database;
mod registry;
