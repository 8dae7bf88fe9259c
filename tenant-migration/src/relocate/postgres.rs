use sea_orm::{ConnectionTrait as _, DbBackend};
use tenant_core::{ConnectionInfo, TenantDirectory};

use super::{Found, Relocation};
use crate::{
    Fleet, MigrationError,
    connection::closing,
    session::postgres::{SchemaState, begin},
};

pub(super) async fn rename<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    relocation: &Relocation<'_>,
    target: &ConnectionInfo,
) -> Result<(), MigrationError> {
    let Relocation { from, to, .. } = relocation;
    let db = fleet.tenancy().connection_to(from.url()).await?;
    closing(db, async |db| {
        let tx = begin(db, from, fleet.settings().lock_timeout).await?;
        let old = SchemaState::read(&tx, from.schema(), "").await?.has_schema;
        let new = SchemaState::read(&tx, to, "").await?.has_schema;
        if Found::of(old, new).decide(relocation)? {
            match relocation.is_served {
                true => fleet.rename_in(&tx, from, target).await?,
                false => fleet.revoke_in(&tx, from).await?,
            }
            let old = from.schema().quoted(DbBackend::Postgres);
            let new = to.quoted(DbBackend::Postgres);
            tx.execute_unprepared(&format!("ALTER SCHEMA {old} RENAME TO {new}"))
                .await?;
            if relocation.is_served {
                fleet.grant_in(&tx, target).await?;
            }
        }
        tx.commit().await?;
        Ok::<_, MigrationError>(())
    })
    .await
}
