//! A tenant that begins with another one's structure, and with its rows.

mod postgres;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, Statement};
use tenant_core::{ConnectionInfo, TenantError, TenantId, TenantRegistry};

use super::{Making, Provision, Provisioned};
use crate::{Fleet, MigrationError, Reference, Selection, names::quoted};

/// What a new tenant takes from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Take {
    /// Its tables, as its migrations make them, and the rows that those write.
    Structure,
    /// Its tables and all its rows. Those who write to it wait until they are copied.
    StructureAndData,
}

impl<R: TenantRegistry + 'static> Fleet<R> {
    /// Makes a tenant that is like another one, which stays as it is. Both are in one database, and
    /// the other one is up to date, and what its migrations make.
    ///
    /// The seed is not run; otherwise as [`provision`](Self::provision). What the other one is compared
    /// with is made by running the migrations in a scratch schema. What they do to shared tables is done
    /// again, and taken back only on PostgreSQL where all migrations run in transactions.
    ///
    /// # Errors
    ///
    /// [`MigrationError::Drifted`] when the other one's schema is not what its migrations make, so
    /// that something of it would be missing; [`MigrationError::Configuration`] when it is behind, or
    /// elsewhere; [`TenantError::Unsupported`] for tables that refer to each other in a circle; and
    /// those of [`provision`](Self::provision).
    pub async fn copy_tenant(
        &self,
        from: &TenantId,
        to: &Provision,
        take: Take,
    ) -> Result<Provisioned, MigrationError> {
        let place = self.registry().placed(from).await?.connection?;
        // Within which rows can be copied: of files, any.
        let reach = |place: &ConnectionInfo| match place.url().backend() {
            DbBackend::Sqlite => None,
            DbBackend::Postgres => Some(place.url().clone()),
            _ => Some(place.url().without_database()),
        };
        if reach(&place) != reach(&to.place) {
            return Err(MigrationError::Configuration(format!(
                "tenant {from} is in another database than its copy is to be in; copy within one, with the same URL"
            )));
        }
        let only = Selection::Ids([from.clone()].into());
        let status = self.status(&only).await?;
        if let Some(behind) = status
            .iter()
            .find(|tenant| !matches!(tenant.version, crate::SchemaVersion::UpToDate))
        {
            return Err(MigrationError::Configuration(format!(
                "tenant {from} cannot be copied as it is ({}): bring it up to date first",
                behind.version
            )));
        }
        for tenant in self.drift(&only, &Reference::Migrations).await? {
            let drift = tenant.drift?;
            if !drift.is_empty() {
                return Err(MigrationError::Drifted {
                    tenant: from.clone(),
                    drift: drift.to_string(),
                });
            }
        }
        let mut provision = to.clone();
        provision.seed = None;
        provision.source = match take {
            Take::Structure => None,
            Take::StructureAndData => Some(place),
        };
        self.provision(&provision).await
    }
}

impl Making<'_> {
    /// Copies the rows, if there is somebody to copy them from.
    pub(super) async fn copy(&self, tx: &DatabaseTransaction) -> Result<(), MigrationError> {
        let Some(source) = &self.provision.source else {
            return Ok(());
        };
        match self.place.url().backend() {
            DbBackend::Postgres => postgres::copy(tx, source, &self.place).await,
            DbBackend::MySql => copy_on_mysql(tx, source, &self.place).await,
            // The file was copied as a whole.
            _ => Ok(()),
        }
    }
}

/// References are not looked at while rows are copied; the other tenant's are in order.
async fn copy_on_mysql(
    tx: &DatabaseTransaction,
    from: &ConnectionInfo,
    to: &ConnectionInfo,
) -> Result<(), MigrationError> {
    let ask = |select: &str| {
        let values = [from.schema().as_str().into()];
        Statement::from_sql_and_values(DbBackend::MySql, select, values)
    };
    let triggers = "SELECT 1 FROM information_schema.triggers WHERE trigger_schema = ? LIMIT 1";
    if tx.query_one_raw(ask(triggers)).await?.is_some() {
        return Err(TenantError::Unsupported {
            operation: "copying the rows of tables with triggers",
            backend: "MySQL",
            instead: "the triggers would run for each of them: drop them first, and make them again afterwards",
        }
        .into());
    }
    let columns = "SELECT c.table_name, c.column_name FROM information_schema.columns c \
         JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
         WHERE c.table_schema = ? AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND COALESCE(c.generation_expression, '') = '' \
         ORDER BY c.table_name, c.ordinal_position";
    let rows = tx.query_all_raw(ask(columns)).await?;
    let mut tables: Vec<(String, Vec<String>)> = Vec::new();
    for row in &rows {
        let (table, column): (String, String) =
            (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let column = quoted(&column, DbBackend::MySql);
        match tables.last_mut() {
            Some((last, columns)) if *last == table => columns.push(column),
            _ => tables.push((table, vec![column])),
        }
    }
    let source = from.schema().quoted(DbBackend::MySql);
    let target = to.schema().quoted(DbBackend::MySql);
    let all = tables.iter().map(|(table, columns)| {
        let table = quoted(table, DbBackend::MySql);
        let columns = columns.join(", ");
        (table, columns)
    });
    let all: Vec<(String, String)> = all.collect();
    for (table, _) in &all {
        // Nobody writes until the end, so that all are of one moment.
        let lock = format!("SELECT COUNT(*) FROM {source}.{table} LOCK IN SHARE MODE");
        tx.query_one_raw(Statement::from_string(DbBackend::MySql, lock))
            .await?;
    }
    for set in [
        "SET SESSION foreign_key_checks = 0",
        "SET @tenant_migration_sql_mode = @@SESSION.sql_mode",
        // A key of 0 would become the next number.
        "SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',NO_AUTO_VALUE_ON_ZERO')",
    ] {
        tx.execute_unprepared(set).await?;
    }
    let copied = async {
        for (table, columns) in &all {
            tx.execute_unprepared(&format!("DELETE FROM {target}.{table}"))
                .await?;
            let copy = format!(
                "INSERT INTO {target}.{table} ({columns}) SELECT {columns} FROM {source}.{table}"
            );
            tx.execute_unprepared(&copy).await?;
        }
        Ok::<_, DbErr>(())
    };
    let copied = copied.await;
    for set in [
        "SET SESSION foreign_key_checks = 1",
        "SET SESSION sql_mode = @tenant_migration_sql_mode",
    ] {
        tx.execute_unprepared(set).await?;
    }
    Ok(copied?)
}
