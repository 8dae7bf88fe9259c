//! Tenants in a table.

pub mod entity;
mod keys;
mod migration;
mod record;
mod row;
mod write;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use self::{
    entity::{change, revision, tenant},
    row::unavailable,
};
pub use self::{
    keys::UrlKeys,
    migration::CreateTenantTables,
    record::{
        ChangeKind, Changes, NewTenant, RecordedChange, Revision, TenantRecord, TenantUpdate,
    },
};
use super::{
    ListedTenant, PlacedPage, PlacedTenant, TenantDirectory, TenantInfo, TenantPage, TenantQuery,
    TenantRegistry, TenantStatus, TenantStore,
};
use crate::{ConnectionInfo, TenantError, TenantId};

/// The key of the one row of revisions.
const LATEST: i32 = 1;

/// How many changes are kept.
const KEPT: i64 = 10_000;

/// Tenants in tables of the application's own database, on PostgreSQL, MySQL or SQLite: what the
/// tenants' databases' URLs are is sealed.
///
/// Every change has a [`Revision`], and changes are visible in the order of their revisions. Only
/// the latest 10,000 are kept. A write that was begun is run to its end, also when its future is dropped:
/// it is done as a whole or not at all. The tables are made by [`migrate`](Self::migrate), or by
/// [`CreateTenantTables`] in a migrator of the application's own.
///
/// Cloning costs a few reference counts.
#[derive(Clone)]
pub struct DatabaseStore {
    db: DatabaseConnection,
    keys: UrlKeys,
    kept: i64,
}

impl DatabaseStore {
    /// A store in this database. Nothing is read yet.
    #[must_use]
    pub fn new(db: DatabaseConnection, keys: UrlKeys) -> Self {
        Self {
            db,
            keys,
            kept: KEPT,
        }
    }

    /// Makes the tables, or what is missing of them. Several processes may do so at once.
    ///
    /// # Errors
    ///
    /// [`TenantError::StoreUnavailable`].
    pub async fn migrate(&self) -> Result<(), TenantError> {
        migration::migrate(&self.db).await.map_err(unavailable)
    }

    /// Whether the tables can be read.
    ///
    /// # Errors
    ///
    /// [`TenantError::StoreUnavailable`] when they cannot.
    pub async fn ping(&self) -> Result<(), TenantError> {
        self.revision().await?;
        self.next_row(None).await?;
        Ok(())
    }

    /// What is known about a tenant, and its revision.
    ///
    /// # Errors
    ///
    /// Those of [`TenantStore`].
    pub async fn record(&self, id: &TenantId) -> Result<TenantRecord, TenantError> {
        row::record(id, &self.row(id).await?)
    }

    /// Some tenants, in the order of their ids' bytes. Whoever is there from the first page to the
    /// last is in exactly one of them.
    ///
    /// # Errors
    ///
    /// [`TenantError::StoreUnavailable`]. What is wrong with one tenant's row is said with the tenant; a
    /// row whose id is none is nobody's, and is left out with a warning in the log.
    pub async fn list(&self, query: &TenantQuery) -> Result<TenantPage, TenantError> {
        let (rows, next) = self.rows(query).await?;
        let listed = rows.into_iter().map(|(id, row)| {
            let info = row::record(&id, &row).map(|record| record.info);
            ListedTenant::new(id, info)
        });
        Ok(TenantPage::new(listed.collect(), next))
    }

    /// The revision of the latest change.
    ///
    /// # Errors
    ///
    /// [`TenantError::StoreUnavailable`].
    pub async fn revision(&self) -> Result<Revision, TenantError> {
        latest(&self.db).await
    }

    /// The changes after a revision, oldest first, at most `limit`; or that they are not known.
    ///
    /// # Errors
    ///
    /// [`TenantError::InvalidTenantId`] and [`TenantError::InvalidStoreEntry`] when a row of them makes no
    /// sense; [`TenantError::StoreUnavailable`].
    pub async fn changes_after(&self, after: Revision, limit: u64) -> Result<Changes, TenantError> {
        let latest = self.revision().await?;
        if after == latest || limit == 0 {
            return Ok(Changes::Since(Vec::new()));
        }
        if after > latest {
            return Ok(Changes::Missed { latest });
        }
        let rows = change::Entity::find()
            .filter(change::Column::Revision.gt(after.get()))
            .order_by_asc(change::Column::Revision)
            .limit(limit)
            .all(&self.db)
            .await
            .map_err(unavailable)?;
        // Revisions have no gaps: another one first is where the others were removed.
        let next = after.get().saturating_add(1);
        if rows.first().is_none_or(|first| first.revision != next) {
            return Ok(Changes::Missed { latest });
        }
        let changes = rows.iter().map(row::recorded);
        Ok(Changes::Since(changes.collect::<Result<_, _>>()?))
    }

    /// The rows of a page, and the last of them if there are more behind it.
    async fn rows(
        &self,
        query: &TenantQuery,
    ) -> Result<(Vec<(TenantId, tenant::Model)>, Option<TenantId>), TenantError> {
        let bound = query.bound();
        let mut found: Vec<(TenantId, tenant::Model)> = Vec::new();
        let mut after = query.after.as_ref().map(ToString::to_string);
        // Once, unless there are rows whose ids are none: a page ends with one that is.
        loop {
            let mut select = tenant::Entity::find()
                .order_by_asc(tenant::Column::Id)
                .limit(bound as u64 + 1);
            if let Some(status) = query.status {
                select = select.filter(tenant::Column::Status.eq(status.as_str()));
            }
            if let Some(after) = &after {
                select = select.filter(tenant::Column::Id.gt(after.as_str()));
            }
            let rows = select.all(&self.db).await.map_err(unavailable)?;
            let is_last = rows.len() <= bound;
            after = rows.last().map(|row| row.id.clone());
            for row in rows {
                if found.len() == bound {
                    let next = found.last().map(|(id, _)| id.clone());
                    return Ok((found, next));
                }
                match row.id.parse() {
                    Ok(id) => found.push((id, row)),
                    Err(error) => tracing::warn!(%error, "a row of the tenants' table is nobody's"),
                }
            }
            if is_last {
                return Ok((found, None));
            }
        }
    }

    fn placed_row(&self, id: TenantId, row: &tenant::Model) -> PlacedTenant {
        let info = row::record(&id, row).map(|record| record.info);
        let connection = row::connection(&id, row, &self.keys).map(Arc::new);
        PlacedTenant::new(id, info, connection)
    }

    async fn row(&self, id: &TenantId) -> Result<tenant::Model, TenantError> {
        tenant::Entity::find_by_id(id.as_str())
            .one(&self.db)
            .await
            .map_err(unavailable)?
            .ok_or_else(|| TenantError::unknown(id))
    }

    /// The row behind an id, or the first one.
    async fn next_row(&self, after: Option<&str>) -> Result<Option<tenant::Model>, TenantError> {
        let mut select = tenant::Entity::find().order_by_asc(tenant::Column::Id);
        if let Some(after) = after {
            select = select.filter(tenant::Column::Id.gt(after));
        }
        select.one(&self.db).await.map_err(unavailable)
    }
}

/// The revision of the latest change that this connection sees.
async fn latest(db: &impl ConnectionTrait) -> Result<Revision, TenantError> {
    let row = revision::Entity::find_by_id(LATEST)
        .one(db)
        .await
        .map_err(unavailable)?;
    row.map(|row| row.latest.into()).ok_or_else(|| {
        TenantError::store_unavailable(
            "the table of revisions is empty; make the tables with `DatabaseStore::migrate`",
        )
    })
}

impl fmt::Debug for DatabaseStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseStore").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl TenantStore for DatabaseStore {
    async fn tenant(&self, id: &TenantId) -> Result<Arc<TenantInfo>, TenantError> {
        Ok(Arc::new(self.record(id).await?.info))
    }

    async fn connection(&self, id: &TenantId) -> Result<Arc<ConnectionInfo>, TenantError> {
        let row = self.row(id).await?;
        Ok(Arc::new(row::connection(id, &row, &self.keys)?))
    }
}

#[async_trait::async_trait]
impl TenantDirectory for DatabaseStore {
    async fn list_placed(&self, query: &TenantQuery) -> Result<PlacedPage, TenantError> {
        let (rows, next) = self.rows(query).await?;
        let placed = rows.into_iter().map(|(id, row)| self.placed_row(id, &row));
        Ok(PlacedPage::new(placed.collect(), next))
    }

    async fn placed(&self, id: &TenantId) -> Result<PlacedTenant, TenantError> {
        Ok(self.placed_row(id.clone(), &self.row(id).await?))
    }
}

#[async_trait::async_trait]
impl TenantRegistry for DatabaseStore {
    async fn register(
        &self,
        info: TenantInfo,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError> {
        self.create(NewTenant::new(info, connection)).await?;
        Ok(())
    }

    async fn change_status(&self, id: &TenantId, status: TenantStatus) -> Result<(), TenantError> {
        let update = TenantUpdate::default().with_status(status);
        self.update(id, update, None).await?;
        Ok(())
    }

    async fn change_place(
        &self,
        id: &TenantId,
        connection: ConnectionInfo,
    ) -> Result<(), TenantError> {
        let update = TenantUpdate::default().with_connection(connection);
        self.update(id, update, None).await?;
        Ok(())
    }

    async fn withdraw(&self, id: &TenantId) -> Result<(), TenantError> {
        let never_served = TenantStatus::is_before_first_use;
        self.remove(id, None, never_served, "withdrawn").await
    }

    async fn forget(&self, id: &TenantId) -> Result<(), TenantError> {
        self.delete(id, None).await
    }
}
