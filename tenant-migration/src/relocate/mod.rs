//! Giving a tenant's schema another name.

mod mysql;
mod postgres;
mod sqlite;

use sea_orm::DbBackend;
use tenant_core::{
    ConnectionInfo, DatabaseUrl, Placement, SchemaName, TenantDirectory, TenantError, TenantId,
};

use crate::{Fleet, MigrationError, connection::closing, error::in_words, session::file};

/// What is there, of a schema and of the name that it is to have.
pub(crate) enum Found {
    Old,
    New,
    Both,
    Neither,
}

impl Found {
    pub(crate) fn of(old: bool, new: bool) -> Self {
        match (old, new) {
            (true, false) => Self::Old,
            (false, true) => Self::New,
            (true, true) => Self::Both,
            (false, false) => Self::Neither,
        }
    }

    /// Whether the schema is still to be renamed.
    pub(crate) fn decide(&self, relocation: &Relocation<'_>) -> Result<bool, MigrationError> {
        let Relocation {
            tenant,
            from,
            to,
            may_be_done,
            ..
        } = relocation;
        match self {
            Self::Old => Ok(true),
            Self::New if *may_be_done => Ok(false),
            Self::Both => Err(MigrationError::SchemaOccupied {
                tenant: (*tenant).clone(),
                place: in_words(&renamed(from, to)?),
            }),
            // What has the new name is somebody else's, where nothing was begun.
            Self::Neither | Self::New => Err(TenantError::MissingSchema {
                tenant: (*tenant).clone(),
                schema: from.schema().clone(),
            }
            .into()),
        }
    }
}

/// A schema that is to have another name.
pub(crate) struct Relocation<'r> {
    pub(crate) tenant: &'r TenantId,
    pub(crate) from: &'r ConnectionInfo,
    pub(crate) to: &'r SchemaName,
    /// Whether it may have the name already, because this was begun before.
    pub(crate) may_be_done: bool,
    /// Whether the tenant is served from there.
    pub(crate) is_served: bool,
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// Renames a schema, if that was not done before, and says where it is then.
    pub(crate) async fn relocate(
        &self,
        relocation: &Relocation<'_>,
    ) -> Result<ConnectionInfo, MigrationError> {
        let Relocation { from, to, .. } = relocation;
        refuse_dedicated(from)?;
        let target = renamed(from, to)?;
        let renamed = self.settings().patiently(|| match from.url().backend() {
            DbBackend::Postgres => Box::pin(postgres::rename(self, relocation, &target)),
            DbBackend::MySql => Box::pin(mysql::rename(self, relocation)),
            _ => Box::pin(sqlite::rename(self, relocation, &target)),
        });
        renamed.await?;
        Ok(target)
    }
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// That a schema can be renamed at all: to be asked before a tenant is taken out of service for it.
    pub(crate) async fn expect_movable(&self, from: &ConnectionInfo) -> Result<(), MigrationError> {
        refuse_dedicated(from)?;
        if from.url().backend() != DbBackend::MySql {
            return Ok(());
        }
        let url = from.url().without_database();
        let db = self.tenancy().connection_to(&url).await?;
        closing(db, async |db| {
            mysql::refuse_what_cannot_move(db, from.schema()).await
        })
        .await
    }
}

fn refuse_dedicated(from: &ConnectionInfo) -> Result<(), TenantError> {
    if from.placement() != Placement::Dedicated {
        return Ok(());
    }
    Err(TenantError::Unsupported {
        operation: "renaming a schema",
        backend: "a dedicated database",
        instead: "the database is the tenant's own: rename it with its server's tools",
    })
}

/// The place of a schema of that name, beside another one.
pub(crate) fn renamed(
    place: &ConnectionInfo,
    to: &SchemaName,
) -> Result<ConnectionInfo, MigrationError> {
    if place.url().backend() != DbBackend::Sqlite {
        return Ok(ConnectionInfo::shared_in(place.url(), to.clone()));
    }
    let file = file(place)?;
    let directory = file.parent().unwrap_or(&file);
    Ok(ConnectionInfo::shared_in(
        &DatabaseUrl::sqlite(directory)?,
        to.clone(),
    ))
}
