//! What changes the tables. Every write takes the row of the latest revision first: so writers
//! follow each other, revisions are committed in their order, and whoever reads changes never skips
//! one that was begun before another and committed after it.

use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{Set, Unchanged},
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _, TransactionTrait as _,
    sea_query::{Expr, ExprTrait as _},
};
use tokio::runtime::Handle;

use super::{
    ChangeKind, DatabaseStore, LATEST, NewTenant, Revision, TenantRecord, TenantUpdate,
    entity::{change, revision, tenant},
    row::{self, unavailable},
};
use crate::{TenantError, TenantId, TenantStatus, source::Finish};

/// A transaction with a revision of its own.
struct Write {
    tx: DatabaseTransaction,
    revision: i64,
    at: i64,
}

impl DatabaseStore {
    /// Makes a tenant, which is [`Pending`](crate::TenantStatus::Pending) or
    /// [`Active`](crate::TenantStatus::Active). Its schema is not made here.
    ///
    /// # Errors
    ///
    /// [`TenantError::TenantExists`]; [`TenantError::EntryRefused`] when its name is not of 1 to 200
    /// characters, its plan of more than 100, its metadata of more than 16 KiB as JSON, when it is in
    /// another status, or when another tenant is placed in the same schema of the same database;
    /// [`TenantError::StoreUnavailable`].
    pub async fn create(&self, new: NewTenant) -> Result<TenantRecord, TenantError> {
        let row = row::of_new(&new, &self.keys)?;
        let (store, id) = (self.clone(), new.info.id);
        to_its_end(async move { store.create_row(id, row).await }).await
    }

    async fn create_row(
        &self,
        id: TenantId,
        mut row: tenant::Model,
    ) -> Result<TenantRecord, TenantError> {
        let write = self.begin().await?;
        if write.find(&id).await?.is_some() {
            return Err(TenantError::TenantExists { tenant: id });
        }
        write.refuse_neighbour(&id, &row).await?;
        row.revision = write.revision;
        row.created_at = write.at;
        row.updated_at = write.at;
        tenant::Entity::insert(row.clone().into_active_model().reset_all())
            .exec_without_returning(&write.tx)
            .await
            .map_err(unavailable)?;
        let record = row::record(&id, &row)?;
        self.commit(write, &id, ChangeKind::Created).await?;
        Ok(record)
    }

    /// Changes a tenant: as a whole or not at all, and only if its revision is the one expected,
    /// where one is.
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`]; [`TenantError::TenantChanged`] when it has another revision;
    /// [`TenantError::IllegalStatusChange`]; [`TenantError::EntryRefused`] as [`create`](Self::create),
    /// and when [`TenantUpdate::place`] makes no sense for it;
    /// [`TenantError::InvalidStoreEntry`] when what is there makes no sense;
    /// [`TenantError::StoreUnavailable`].
    pub async fn update(
        &self,
        id: &TenantId,
        update: TenantUpdate,
        expected: Option<Revision>,
    ) -> Result<TenantRecord, TenantError> {
        row::check(id, &update)?;
        let (store, id) = (self.clone(), id.clone());
        to_its_end(async move { store.update_row(&id, update, expected).await }).await
    }

    async fn update_row(
        &self,
        id: &TenantId,
        update: TenantUpdate,
        expected: Option<Revision>,
    ) -> Result<TenantRecord, TenantError> {
        let write = self.begin().await?;
        let found = write.expect(id, expected).await?;
        let moved = update.connection.is_some() || update.place.is_some();
        let mut row = row::updated(found, id, update, &self.keys)?;
        if moved {
            write.refuse_neighbour(id, &row).await?;
        }
        row.revision = write.revision;
        // Also where the clock stands still, or goes back: a cache tells by it that this is another state.
        row.updated_at = std::cmp::max(write.at, row.updated_at.saturating_add(1));
        let record = row::record(id, &row)?;
        let mut all = row.into_active_model().reset_all();
        all.id = Unchanged(id.to_string());
        tenant::Entity::update_many()
            .set(all)
            .filter(tenant::Column::Id.eq(id.as_str()))
            .exec(&write.tx)
            .await
            .map_err(unavailable)?;
        self.commit(write, id, ChangeKind::Updated).await?;
        Ok(record)
    }

    /// Forgets a tenant that is archived. Its data stays where it is.
    ///
    /// # Errors
    ///
    /// [`TenantError::UnknownTenant`]; [`TenantError::TenantChanged`] when it has another revision
    /// than expected; [`TenantError::IllegalStatusChange`] when it is not archived;
    /// [`TenantError::StoreUnavailable`].
    pub async fn delete(
        &self,
        id: &TenantId,
        expected: Option<Revision>,
    ) -> Result<(), TenantError> {
        let archived = |status| status == TenantStatus::Archived;
        self.remove(id, expected, archived, "deleted").await
    }

    /// Removes a tenant in a status that allows it.
    pub(super) async fn remove(
        &self,
        id: &TenantId,
        expected: Option<Revision>,
        allowed: fn(TenantStatus) -> bool,
        to: &'static str,
    ) -> Result<(), TenantError> {
        let (store, id) = (self.clone(), id.clone());
        to_its_end(async move { store.remove_row(&id, expected, allowed, to).await }).await
    }

    async fn remove_row(
        &self,
        id: &TenantId,
        expected: Option<Revision>,
        allowed: fn(TenantStatus) -> bool,
        to: &'static str,
    ) -> Result<(), TenantError> {
        let write = self.begin().await?;
        let found = write.expect(id, expected).await?;
        let from = row::record(id, &found)?.info.status;
        if !allowed(from) {
            return Err(TenantError::IllegalStatusChange {
                tenant: id.clone(),
                from,
                to,
            });
        }
        tenant::Entity::delete_many()
            .filter(tenant::Column::Id.eq(id.as_str()))
            .exec(&write.tx)
            .await
            .map_err(unavailable)?;
        self.commit(write, id, ChangeKind::Deleted).await
    }

    /// Seals anew, with the first key, every URL that another one sealed, and says how many. The
    /// tenants' revisions stay. Stopped midway, it may be called again.
    ///
    /// # Errors
    ///
    /// [`TenantError::InvalidStoreEntry`] when a URL does not open;
    /// [`TenantError::StoreUnavailable`].
    pub async fn reseal(&self) -> Result<u64, TenantError> {
        let mut resealed = 0;
        let mut after: Option<String> = None;
        while let Some(row) = self.next_row(after.as_deref()).await? {
            after = Some(row.id.clone());
            let Ok(id) = row.id.parse::<TenantId>() else {
                tracing::warn!("a row of the tenants' table is nobody's");
                continue;
            };
            if !self.keys.is_of_first(&row.url_sealed) {
                let url = self.keys.open(&id, &row.url_sealed)?;
                // Not if the tenant got another URL in the meantime, which the first key sealed.
                resealed += tenant::Entity::update_many()
                    .col_expr(
                        tenant::Column::UrlSealed,
                        Expr::value(self.keys.seal(&id, &url)?),
                    )
                    .filter(tenant::Column::Id.eq(id.as_str()))
                    .filter(tenant::Column::UrlSealed.eq(row.url_sealed))
                    .exec(&self.db)
                    .await
                    .map_err(unavailable)?
                    .rows_affected;
            }
        }
        Ok(resealed)
    }

    /// Begins a write. One that fails is rolled back, its revision too.
    async fn begin(&self) -> Result<Write, TenantError> {
        let tx = self.db.begin().await.map_err(unavailable)?;
        revision::Entity::update_many()
            .col_expr(
                revision::Column::Latest,
                Expr::col(revision::Column::Latest).add(1),
            )
            .filter(revision::Column::Id.eq(LATEST))
            .exec(&tx)
            .await
            .map_err(unavailable)?;
        let revision = super::latest(&tx).await?.get();
        let at = row::now();
        Ok(Write { tx, revision, at })
    }

    async fn commit(
        &self,
        write: Write,
        id: &TenantId,
        kind: ChangeKind,
    ) -> Result<(), TenantError> {
        let row = change::ActiveModel {
            revision: Set(write.revision),
            tenant: Set(id.to_string()),
            kind: Set(kind.as_str().to_owned()),
            at: Set(write.at),
        };
        change::Entity::insert(row)
            .exec_without_returning(&write.tx)
            .await
            .map_err(unavailable)?;
        change::Entity::delete_many()
            .filter(change::Column::Revision.lte(write.revision.saturating_sub(self.kept)))
            .exec(&write.tx)
            .await
            .map_err(unavailable)?;
        write.tx.commit().await.map_err(unavailable)
    }
}

/// Runs a write to its end, also when whoever asked for it gives up. Cut off half way, it would harm the
/// pool: a `BEGIN` whose answer nobody read leaves a transaction open on its connection, and on MySQL a
/// connection may wait for ever for the rest of an answer.
async fn to_its_end<T: Send + 'static>(
    write: impl Future<Output = Result<T, TenantError>> + Send + 'static,
) -> Result<T, TenantError> {
    Finish::new(Handle::try_current().ok(), write).await
}

impl Write {
    async fn find(&self, id: &TenantId) -> Result<Option<tenant::Model>, TenantError> {
        tenant::Entity::find_by_id(id.as_str())
            .one(&self.tx)
            .await
            .map_err(unavailable)
    }

    async fn expect(
        &self,
        id: &TenantId,
        expected: Option<Revision>,
    ) -> Result<tenant::Model, TenantError> {
        let found = self
            .find(id)
            .await?
            .ok_or_else(|| TenantError::unknown(id))?;
        match expected {
            Some(expected) if expected.get() != found.revision => {
                Err(TenantError::TenantChanged { tenant: id.clone() })
            }
            _ => Ok(found),
        }
    }

    async fn refuse_neighbour(
        &self,
        id: &TenantId,
        row: &tenant::Model,
    ) -> Result<(), TenantError> {
        let neighbour: Option<String> = tenant::Entity::find()
            .select_only()
            .column(tenant::Column::Id)
            .filter(tenant::Column::Place.eq(row.place.as_str()))
            .filter(tenant::Column::Id.ne(id.as_str()))
            .into_tuple()
            .one(&self.tx)
            .await
            .map_err(unavailable)?;
        match neighbour {
            Some(neighbour) => Err(TenantError::entry_refused(
                id,
                format!(
                    "its schema {} is that of tenant {neighbour} in the same database; place it in another schema, or in another database",
                    row.schema
                ),
            )),
            None => Ok(()),
        }
    }
}
