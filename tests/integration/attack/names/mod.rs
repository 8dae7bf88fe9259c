//! Ten thousand names, most of them ill-meant, into everything that takes one: each is refused, or is
//! the tenant of exactly that name. None reaches SQL before it is known to be one.

mod command_line;
mod generated;
mod lengths;
mod service;
mod strategies;
mod tables;
mod wire;

use self::generated::{Names, is_id};

/// How many names are tried.
fn names(short: usize, long: usize) -> impl Iterator<Item = String> {
    let count = figures::sized(short, long);
    Names::new().take(count)
}
