use std::{io, path::PathBuf, time::Duration};

use sea_orm::DbErr;
use tenant_core::TenantError;
use tenant_migration::MigrationError;

/// Why a test did not get what it asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestkitError {
    /// The server's programs are not on this machine.
    #[error(
        "{product} is not installed: {way_out}. Looked for {} in PATH and in {}",
        programs.join(", "),
        listed(looked_in)
    )]
    NotInstalled {
        /// Which server.
        product: &'static str,
        /// The programs that are needed.
        programs: Vec<&'static str>,
        /// How to install it, or to do without.
        way_out: &'static str,
        /// The directories in which they were not, beside those of `PATH`.
        looked_in: Vec<PathBuf>,
    },
    /// We are root, which servers refuse to be, and there is nobody else to be.
    #[error(
        "database servers refuse to run as root, and there is no user `postgres` or `nobody` here; \
         run the tests as an ordinary user"
    )]
    NoUser,
    /// A server did not become ready, or could not be initialised.
    #[error("{product} {what}. The end of its log:\n{log}")]
    Server {
        /// Which server.
        product: &'static str,
        /// What became of it.
        what: String,
        /// The last lines that it printed.
        log: String,
    },
    /// The operating system refused something.
    #[error("could not {doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why not.
        source: io::Error,
    },
    /// A database could not be made, or looked at.
    #[error("could not {doing}: {source}")]
    Database {
        /// What was tried.
        doing: String,
        /// Why not.
        source: DbErr,
    },
    /// A leak check does not know what to plant in a column.
    #[error(
        "do not know what to plant in {column}; say it with `LeakCheckBuilder::value`, an SQL \
         expression"
    )]
    Unplantable {
        /// The table and the column.
        column: String,
    },
    /// What plants rows by hand has failed.
    #[error("could not plant rows of {owner}: {source}")]
    Plant {
        /// Whose rows.
        owner: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Visits of a leak check did not end.
    #[error(
        "visits of a leak check did not end within {patience:?}; does one wait for another, or for \
         a connection that it holds itself?"
    )]
    Stuck {
        /// How long was waited.
        patience: Duration,
    },
    /// A tenant could not be made.
    #[error(transparent)]
    Provision(#[from] Box<MigrationError>),
    /// What the core says.
    #[error(transparent)]
    Tenant(#[from] TenantError),
}

impl TestkitError {
    /// For `map_err`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// For `map_err`.
    pub(crate) fn database(doing: impl Into<String>) -> impl FnOnce(DbErr) -> Self {
        let doing = doing.into();
        move |source| Self::Database { doing, source }
    }
}

fn listed(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    paths.join(", ")
}
