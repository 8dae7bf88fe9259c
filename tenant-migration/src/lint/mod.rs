//! What Citus refuses of a tenant migrator.
//!
//! Citus shards a database by schema: every tenant's schema becomes a distributed schema, kept on
//! one node, and its tables become distributed tables with a single shard. Such tables take most
//! of PostgreSQL's DDL, but not all of it, and a migration that is refused half way through a
//! fleet is a bad way to learn which. [`Lint`] reads the statements that a migrator sent to a
//! scratch schema and says beforehand what Citus would refuse, and what to write instead.
//!
//! The [rules](Rule) were read out of the sources of Citus 12, the release that brought
//! schema-based sharding, and out of its regression tests; each names the place. The lint is a pure
//! function of the statements: it asks no server, so it sees neither what a `DO` block or a function
//! does when it runs, nor tables that the statements did not make.
//!
//! ```
//! use tenant_migration::lint::{Lint, Rule};
//!
//! let findings = Lint::citus().reference_table("public.genre").check(&[
//!     "CREATE TABLE book (id bigint PRIMARY KEY, genre_id bigint REFERENCES public.genre (id))",
//!     "ALTER TABLE book ADD COLUMN pages integer CHECK (pages > 0)",
//! ]);
//! assert_eq!(findings.len(), 1);
//! assert_eq!(findings[0].rule, Rule::InlineConstraint);
//! ```

// What a user sees.
mod check;
mod finding;
mod rule;

// From text to statements.
mod parse;
mod split;

// What statements talk about.
mod columns;
mod names;
mod tables;

// The rules.
mod alter_column;
mod alter_table;
mod create_table;
mod foreign_key;
mod several;

pub use check::Lint;
pub use finding::Finding;
pub use rule::{Rule, Severity};
