use std::{fs, io, time::Duration};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, Statement};
use tenant_core::{
    ConnectionInfo, Placement, SchemaName, TenantDirectory, TenantError, TenantId, TenantInfo,
    TenantRegistry, TenantStatus,
};

use super::{ARCHIVED, is_half_moved, original, was_called};
use crate::{
    Fleet, MigrationError,
    connection::closing,
    files,
    names::quoted,
    provision::Content,
    session::{
        file,
        mysql::{ServerLock, be_patient},
        postgres::{SessionLock, begin},
        sqlite::lock_file,
    },
};

impl<R: TenantRegistry + 'static> Fleet<R> {
    /// Removes the data of an archived tenant, or of one that was never served, and its entry. This
    /// cannot be undone, so the tenant's id has to be said twice.
    ///
    /// Of a tenant that was never served, only what provisioning made is removed. A pending one has
    /// nothing, and a schema that was not made for it stays: the entry alone goes. A database of the
    /// tenant's own is emptied as a whole, on MySQL removed, unless nothing was made in it.
    ///
    /// The entry goes last. When this is stopped, or fails, doing so again removes the rest. On
    /// PostgreSQL tables go some at a time, so that a schema may have more of them than the server has
    /// places for locks.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Unconfirmed`] when the two are not the same; [`MigrationError::WrongStatus`]
    /// when it is not archived; what is wrong with the registry or the database.
    pub async fn drop_tenant(&self, id: &TenantId, again: &str) -> Result<(), MigrationError> {
        if id.as_str() != again {
            return Err(MigrationError::Unconfirmed {
                operation: format!("dropping tenant {id}"),
                how: "its id, said again".to_owned(),
            });
        }
        let entry = self.registry().placed(id).await?;
        let (info, place) = (entry.info?, entry.connection?);
        match info.status {
            // Nothing was begun of it. What is in its place, if anything, is somebody else's.
            TenantStatus::Pending => self.registry().withdraw(id).await?,
            TenantStatus::Provisioning => self.drop_unserved(id, &place).await?,
            TenantStatus::Archived => {
                if let Some(name) = self.archived_before(&place, &info).await? {
                    self.drop_schema(&crate::relocate::renamed(&place, &name)?)
                        .await?;
                }
                self.drop_schema(&place).await?;
                self.registry().forget(id).await?;
            }
            status => {
                return Err(MigrationError::WrongStatus {
                    tenant: id.clone(),
                    status,
                    operation: "dropping",
                    needed: "archived",
                });
            }
        }
        Ok(())
    }

    async fn drop_unserved(
        &self,
        id: &TenantId,
        place: &ConnectionInfo,
    ) -> Result<(), MigrationError> {
        let registry = self.registry();
        if self.content_at(place).await? == Content::Foreign {
            return Ok(registry.withdraw(id).await?);
        }
        // An active one cannot go back to this, so one that was completed meanwhile is left alone.
        registry
            .change_status(id, TenantStatus::Provisioning)
            .await?;
        // From here on nobody completes it, and whoever drops it again goes on here.
        registry.change_status(id, TenantStatus::Archived).await?;
        // A database of the tenant's own was there before, and nothing is in it.
        let is_untouched = place.placement() == Placement::Dedicated
            && self.content_at(place).await? == Content::None;
        if !is_untouched {
            self.drop_schema(place).await?;
        }
        Ok(registry.forget(id).await?)
    }
}

impl<R: TenantDirectory + 'static> Fleet<R> {
    /// Removes a schema with all that is in it, if it is there, and nobody is making it.
    pub(crate) async fn drop_schema(&self, place: &ConnectionInfo) -> Result<(), MigrationError> {
        self.settings()
            .patiently(|| Box::pin(self.drop_schema_now(place)))
            .await
    }

    async fn drop_schema_now(&self, place: &ConnectionInfo) -> Result<(), MigrationError> {
        let (schema, patience) = (place.schema(), self.settings().lock_timeout);
        match place.url().backend() {
            DbBackend::Postgres => {
                let db = self.tenancy().connection_to(place.url()).await?;
                closing(db, async |db| {
                    drop_on_postgres(self, db, place, patience).await
                })
                .await
            }
            DbBackend::MySql => {
                let url = place.url().without_database();
                let db = self.tenancy().connection_to(&url).await?;
                let locks = self.tenancy().connection_to(&url).await?;
                let quoted = schema.quoted(DbBackend::MySql);
                let drop = format!("DROP DATABASE IF EXISTS {quoted}");
                closing(db, async |db| {
                    be_patient(db, patience).await?;
                    closing(locks, async |locks| {
                        let lock = ServerLock::take_for_making(locks, schema, patience).await?;
                        lock.during(async |_| Ok(db.execute_unprepared(&drop).await?))
                            .await
                    })
                    .await
                })
                .await?;
                Ok(())
            }
            _ => {
                let file = file(place)?;
                // Where there is no directory, there is nothing to lock, nor to remove.
                if !file.parent().is_some_and(|directory| directory.exists()) {
                    return Ok(());
                }
                let _lock = lock_file(place)?;
                files::remove_database(&file)
            }
        }
    }

    /// Whether there is a schema in a place.
    pub(crate) async fn has_schema_at(
        &self,
        place: &ConnectionInfo,
    ) -> Result<bool, MigrationError> {
        let names = self.schemas_beside(place).await?;
        Ok(names.contains(&original(place)))
    }

    /// The name that a schema got when it was archived, and its new place not noted. One that was
    /// archived before the tenant was made is somebody else's.
    pub(crate) async fn archived_before(
        &self,
        place: &ConnectionInfo,
        info: &TenantInfo,
    ) -> Result<Option<SchemaName>, MigrationError> {
        let names = self.schemas_beside(place).await?;
        let original = original(place);
        if place.placement() == Placement::Dedicated {
            return Ok(None);
        }
        let is_there = names.contains(&original);
        let mut archived = None;
        for name in names {
            if !was_called(&name, &original, info.created_at) {
                continue;
            }
            let name = SchemaName::try_from(name).map_err(TenantError::from)?;
            // Where both are there, it is another one's, unless both are one.
            if !is_there || is_half_moved(place, &crate::relocate::renamed(place, &name)?) {
                archived = archived.max(Some(name));
            }
        }
        Ok(archived)
    }

    /// The names of schemas in the database of a place: its own, if it is there, and all that are
    /// archived. Of SQLite, of all files beside.
    async fn schemas_beside(&self, place: &ConnectionInfo) -> Result<Vec<String>, MigrationError> {
        let select = match place.url().backend() {
            DbBackend::Postgres => {
                "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE nspname = $1 OR nspname LIKE $2"
            }
            // One without tables is what is left of one whose tables were moved.
            DbBackend::MySql => {
                "SELECT DISTINCT table_schema FROM information_schema.tables \
                 WHERE table_schema = ? OR table_schema LIKE ?"
            }
            _ => return files_beside(place),
        };
        let url = match place.url().backend() {
            DbBackend::MySql => place.url().without_database(),
            _ => place.url().clone(),
        };
        let db = self.tenancy().connection_to(&url).await?;
        closing(db, async |db| {
            // The underscore is any character here, which is no harm.
            let values = [original(place).into(), format!("{ARCHIVED}%").into()];
            let backend = db.get_database_backend();
            let select = Statement::from_sql_and_values(backend, select, values);
            let rows = db.query_all_raw(select).await?;
            let names = rows.iter().map(|row| row.try_get_by_index(0));
            names.collect::<Result<_, DbErr>>()
        })
        .await
    }
}

/// Each table that is dropped is locked until its transaction ends, with its indexes and what it keeps
/// long values in. Partitions come first: with their table, all of them would go at once. Foreign
/// tables need a statement of their own, and keep nothing: they go with the schema.
async fn drop_on_postgres<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    db: &DatabaseConnection,
    place: &ConnectionInfo,
    patience: Duration,
) -> Result<(), MigrationError> {
    let schema = place.schema();
    let _lock = SessionLock::take_for_making(db, schema, patience).await?;
    let locks = "SELECT (pg_catalog.current_setting('max_locks_per_transaction')::bigint * \
         pg_catalog.current_setting('max_connections')::bigint)";
    let locks: i64 = match db
        .query_one_raw(Statement::from_string(DbBackend::Postgres, locks))
        .await?
    {
        Some(row) => row.try_get_by_index(0)?,
        None => 0,
    };
    // The others need some, too.
    let budget = (locks / 4).max(64);
    let tables = "SELECT c.relname::text, 4 + 2 * (SELECT count(*) FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') \
         ORDER BY NOT c.relispartition, c.relkind = 'p', c.relname";
    let values = [schema.as_str().into()];
    let tables = Statement::from_sql_and_values(DbBackend::Postgres, tables, values);
    let in_schema = schema.quoted(DbBackend::Postgres);
    let (mut batch, mut weight) = (Vec::new(), 0);
    for row in db.query_all_raw(tables).await? {
        let name: String = row.try_get_by_index(0)?;
        batch.push(format!(
            "{in_schema}.{}",
            quoted(&name, DbBackend::Postgres)
        ));
        weight += row.try_get_by_index::<i64>(1)?;
        if weight >= budget {
            drop_tables(db, &batch).await?;
            batch.clear();
            weight = 0;
        }
    }
    // Few enough are left to go with the schema. Whoever makes one in one transaction has this lock.
    let tx = begin(db, place, patience).await?;
    fleet.revoke_in(&tx, place).await?;
    tx.execute_unprepared(&format!("DROP SCHEMA IF EXISTS {in_schema} CASCADE"))
        .await?;
    tx.commit().await?;
    Ok(())
}

async fn drop_tables(db: &DatabaseConnection, tables: &[String]) -> Result<(), DbErr> {
    let drop = format!("DROP TABLE IF EXISTS {} CASCADE", tables.join(", "));
    db.execute_unprepared(&drop).await?;
    Ok(())
}

fn files_beside(place: &ConnectionInfo) -> Result<Vec<String>, MigrationError> {
    let file = file(place)?;
    let Some(directory) = file.parent() else {
        return Ok(Vec::new());
    };
    let unreadable = |error: io::Error| {
        MigrationError::Configuration(format!("{}: {error}", directory.display()))
    };
    let mut names = Vec::new();
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        // Gone with all that was in it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        Err(error) => return Err(unreadable(error)),
    };
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension() == file.extension()
            && let Some(name) = path.file_stem()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}
