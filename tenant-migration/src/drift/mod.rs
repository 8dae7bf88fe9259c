//! What differs between a tenant's schema and a reference.
//!
//! Tenants drift apart: a hand-made index here, a migration that was stopped half way there. A
//! [`Structure`] is what the catalogue says about one schema, with the schema's own name replaced
//! by `$tenant`, so that tenants of the same shape are equal; a [`Drift`] is what two of them do
//! not have in common.
//!
//! Compared are tables, columns, constraints, indexes, sequences, types, views, routines, triggers
//! and what else the server keeps in a schema. Not compared are the order of columns, comments,
//! owners and privileges, and rows. Compare schemas of the same version of a server: each writes
//! down definitions in its own way.

mod compare;
mod difference;
mod key;
mod lexer;
mod mysql;
mod placeholder;
mod postgres;
mod reading;
mod sqlite;
mod structure;

pub use self::{
    difference::{Change, Difference, Drift},
    key::ObjectKind,
    structure::Structure,
};
