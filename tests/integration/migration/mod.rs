//! The fleet: what its schemas have in common, and what is done to all of them.

mod cli;
mod copied;
mod crash;
mod drift;
mod fleet;
mod half_done;
pub(crate) mod library;
pub(crate) mod looked_at;
mod moved;
mod outside;
pub(crate) mod program;
mod provision;
mod renamed;
mod sent;
