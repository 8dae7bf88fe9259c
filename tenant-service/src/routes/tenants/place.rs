//! Where tenants are put.

use secrecy::ExposeSecret as _;
use tenant_core::{
    ConnectionEntry, ConnectionInfo, DatabaseUrl, Placement, SchemaName, TenantError, TenantId,
};

use super::wire::Place;
use crate::problem::Problem;

/// Where a new tenant is put.
pub(super) fn placed(
    place: Place,
    id: &TenantId,
    database: Option<&DatabaseUrl>,
) -> Result<ConnectionInfo, Problem> {
    entry(place)?
        .place(id, database)
        .map_err(|error| Problem::unprocessable(format!("`connection`: {error}")))
}

/// What a request says of a place. None of what is said to be wrong with it repeats a URL, or a part
/// of one.
pub(super) fn entry(place: Place) -> Result<ConnectionEntry, Problem> {
    let mut entry = ConnectionEntry::default();
    entry.url = place
        .url
        .map(|url| {
            DatabaseUrl::new(url.expose_secret()).map_err(|_| {
                Problem::unprocessable(
                    "`connection.url` is no URL of a postgres, mysql or sqlite database; a password stands in front of the host, and no SQLite database is in memory",
                )
            })
        })
        .transpose()?;
    entry.schema = place
        .schema
        .map(|schema| SchemaName::try_from(schema).map_err(TenantError::from))
        .transpose()?;
    entry.placement = match place.placement.as_deref() {
        None => None,
        Some("shared") => Some(Placement::Shared),
        Some("dedicated") => Some(Placement::Dedicated),
        Some(_) => {
            return Err(Problem::unprocessable(
                "`connection.placement` is `shared` or `dedicated`",
            ));
        }
    };
    Ok(entry)
}
