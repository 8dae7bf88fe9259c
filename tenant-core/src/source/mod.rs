//! Data sources: the databases that tenants are placed in, each with its connections.

mod begins;
mod connection;
mod create;
mod data_source;
mod finish;
mod home;
mod lanes;
mod open;
mod registry;
mod rights;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-mysql"))]
mod said;
mod session;
mod stream;
mod transaction;
mod url;

#[cfg(feature = "database-store")]
pub(crate) use self::finish::Finish;
pub(crate) use self::home::Home;
pub use self::{
    connection::SourceConnection,
    lanes::DataSourceStatistics,
    stream::SourceStream,
    transaction::{SourceTransaction, SourceTransactionStream},
    url::DatabaseUrl,
};
pub(crate) use self::{
    create::{create_database, create_file},
    open::{SourceOptions, connect_alone, connect_dedicated},
    registry::DataSources,
    rights::Rights,
};

/// What tells data sources apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Address {
    url: DatabaseUrl,
    names: Names,
}

/// What a name without a schema means on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Names {
    /// What it means to the database: the shared tables.
    Shared,
    /// Nothing.
    Nothing,
}
