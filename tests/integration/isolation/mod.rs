//! No way through this crate leads to another tenant's rows, and whatever is cut short in the
//! middle leaves nothing behind.

mod bound;
mod context_span;
pub(crate) mod interleaving;
mod lanes;
mod limits;
mod refused;
mod session;
mod sources;
mod statement_span;
mod strict;
mod transactions;
mod wrapping;

pub(crate) mod capture;
pub(crate) mod rows;

pub(crate) use self::sources::apart;
