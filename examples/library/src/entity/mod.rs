//! The tables: each library has its own authors, books and loans; all read the same genres.

pub mod author;
pub mod book;
pub mod delivery;
pub mod genre;
pub mod loan;
