use std::{io, net::SocketAddr, path::PathBuf};

use sea_orm::DbErr;
use tenant_core::TenantError;

/// Why a service could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The administrator's token can be guessed, or can be sent by nobody.
    #[error("the administrator's token is refused: {reason}, or leave it out and one is made")]
    InvalidAdminToken {
        /// What is wrong with it, and the way out. Nothing of the token.
        reason: String,
    },

    /// The service's database does not answer, or its tables cannot be made.
    #[error("the service's database: {0}")]
    Store(#[from] TenantError),

    /// There is no database whose URLs could be encrypted anew, and none is made for that.
    #[error(
        "there is nothing to reseal: {} does not exist; name the service's database",
        file.display()
    )]
    NothingToReseal {
        /// The SQLite file that was named.
        file: PathBuf,
    },

    /// The service's table of tokens cannot be made.
    #[error("the service's table of tokens: {0}")]
    Tokens(#[source] DbErr),

    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {source}; choose another address with `--listen` or `ServiceBuilder::listen`"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },

    /// The operating system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[source] io::Error),
}
