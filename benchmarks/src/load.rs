//! Who asks, and for what.

use std::time::Duration;

use clap::ValueEnum;
use rand::{RngExt as _, rngs::SmallRng};
use rand_distr::{Distribution as _, Zipf};

use crate::{
    BoxError,
    library::{BOOKS, READS, What},
};

/// Of which tenants requests are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Popularity {
    /// Each as often as any other.
    Uniform,
    /// The one of rank `r` in proportion to `1/r`.
    Zipf,
}

/// What requests ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// A row by its key, in one statement.
    Read,
    /// The same in twenty different statements.
    Reads,
    /// A row that the server gives its key to.
    Insert,
    /// A loader with three queries.
    Loader,
    /// A transaction of five statements.
    Transaction,
    /// As `Read`, and one in a hundred is a transaction of two seconds.
    OneInAHundredLong,
}

/// How long a long transaction takes.
pub const LONG: Duration = Duration::from_secs(2);

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// A tenant's number.
    pub tenant: usize,
    pub what: What,
    /// A book's.
    pub key: i32,
}

impl Request {
    /// The first that anybody asks a tenant.
    #[must_use]
    pub fn first(tenant: usize) -> Self {
        Self {
            tenant,
            what: What::Read(0),
            key: 1,
        }
    }
}

/// Requests without end.
#[derive(Clone, Debug)]
pub struct Load {
    pub tenants: usize,
    pub popularity: Popularity,
    pub shape: Shape,
    zipf: Zipf<f64>,
}

impl Load {
    /// Of the tenants `0..tenants`.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn new(tenants: usize, popularity: Popularity, shape: Shape) -> Result<Self, BoxError> {
        Ok(Self {
            zipf: Zipf::new(tenants as f64, 1.0)?,
            tenants,
            popularity,
            shape,
        })
    }

    /// The next request.
    pub fn next(&self, random: &mut SmallRng) -> Request {
        let tenant = match self.popularity {
            Popularity::Uniform => random.random_range(0..self.tenants),
            Popularity::Zipf => self.zipf.sample(random) as usize - 1,
        };
        let what = match self.shape {
            Shape::Read => What::Read(0),
            Shape::Reads => What::Read(random.random_range(0..READS)),
            Shape::Insert => What::Insert,
            Shape::Loader => What::Loader,
            Shape::Transaction => What::Transaction,
            Shape::OneInAHundredLong if random.random_ratio(1, 100) => What::Long(LONG),
            Shape::OneInAHundredLong => What::Read(0),
        };
        Request {
            tenant,
            what,
            key: random.random_range(1..=BOOKS),
        }
    }
}
