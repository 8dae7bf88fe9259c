use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tenant_core::{ConnectionInfo, DatabaseUrl, Tenancy, TenantDirectory};

use super::{Content, Making, ProvisionStep};
use crate::{
    Fleet, MigrationError, Migrations,
    connection::closing,
    error::conflict,
    files,
    ledger::Direction,
    session::{file, run, sqlite},
};

/// In a file beside, which gets its name when it is complete.
pub(super) async fn make<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
) -> Result<(), MigrationError> {
    let file = file(&making.place)?;
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).map_err(|error| files::unusable(directory, &error))?;
    }
    let _lock = sqlite::lock_file(&making.place)?;
    if file.exists() {
        // Whoever was killed when he had named it left it another name.
        remove_all(&Unfinished::beginning(&file))
            .map_err(|error| files::unusable(&file, &error))?;
        // By a program that knew fewer migrations, perhaps.
        return making.migrate(fleet).await;
    }
    let unfinished = Unfinished::new(&file)?;
    making.tell(ProvisionStep::CreateSchema, false).await?;
    if let Some(source) = &making.provision.source {
        unfinished.copy_from(fleet.tenancy(), source).await?;
    }
    let place = unfinished.place()?;
    making.tell(ProvisionStep::CreateSchema, true).await?;
    let db = fleet.tenancy().dedicated_connection_to(&place).await?;
    closing(db, async |db| fill(fleet, making, db, &place).await).await?;
    unfinished.complete(&file)
}

/// A file gets its name when it is complete.
pub(super) async fn content(
    tenancy: &Tenancy,
    place: &ConnectionInfo,
    migrations: &Migrations,
) -> Result<Content, MigrationError> {
    let file = file(place)?;
    if !file.exists() {
        return Ok(Content::None);
    }
    if !is_database(&file) {
        return Ok(Content::Foreign);
    }
    let db = tenancy.dedicated_connection_to(place).await?;
    let select = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    let values = [migrations.table().into()];
    let select = Statement::from_sql_and_values(DbBackend::Sqlite, select, values);
    let found = closing(db, async |db| match db.query_one_raw(select).await {
        Err(error) if conflict::is_transient(&error) => Err(error),
        // One that is no database has no table, either.
        found => Ok(matches!(found, Ok(Some(_)))),
    });
    Ok(match found.await? {
        true => Content::Complete,
        false => Content::Foreign,
    })
}

/// By its first bytes: connecting to anything else fails.
fn is_database(file: &Path) -> bool {
    let mut head = [0; 16];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head == *b"SQLite format 3\0"
}

async fn fill<R: TenantDirectory + 'static>(
    fleet: &Fleet<R>,
    making: &Making<'_>,
    db: &DatabaseConnection,
    place: &ConnectionInfo,
) -> Result<(), MigrationError> {
    let migrations = fleet.migrations();
    making.tell(ProvisionStep::Migrate, false).await?;
    let patience = fleet.settings().lock_timeout;
    let mut tx = sqlite::begin(db, place, patience).await?;
    migrations.install(&tx).await?;
    // A copy has some already.
    let applied = migrations.applied(&tx).await?;
    for place_in_order in migrations.pending(&applied)? {
        let Some(migration) = migrations.at(place_in_order) else {
            continue;
        };
        if migration.use_transaction() == Some(false) {
            tx.commit().await?;
            // As when it is migrated: nothing looks at references afterwards.
            db.execute_unprepared("PRAGMA foreign_keys = ON").await?;
            run(&*migration, Direction::Up, db).await?;
            tx = sqlite::begin(db, place, patience).await?;
        } else {
            run(&*migration, Direction::Up, &tx).await?;
        }
        migrations
            .note(&tx, Direction::Up, migration.name())
            .await?;
    }
    making.tell(ProvisionStep::Migrate, true).await?;
    making.seed(&tx).await?;
    sqlite::check_references(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// A file that is removed, unless it is completed.
struct Unfinished(PathBuf);

impl Unfinished {
    /// Each has a name of its own: somebody who gave up may still be closing his. Those that were
    /// left are removed, since the lock was to be had.
    fn new(file: &Path) -> Result<Self, MigrationError> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let left = Self::beginning(file);
        remove_all(&left).map_err(|error| files::unusable(file, &error))?;
        let unfinished = Self(files::with(
            &left,
            &format!("{}-{count}", std::process::id()),
        ));
        File::create_new(&unfinished.0).map_err(|error| files::unusable(&unfinished.0, &error))?;
        Ok(unfinished)
    }

    /// What the names of those begin with that are to become a file.
    fn beginning(file: &Path) -> PathBuf {
        files::with(file, ".unfinished-")
    }

    /// Everything that another file has, as of one moment.
    async fn copy_from(
        &self,
        tenancy: &Tenancy,
        source: &ConnectionInfo,
    ) -> Result<(), MigrationError> {
        let db = tenancy.dedicated_connection_to(source).await?;
        let target = self.0.to_string_lossy().into_owned();
        let copy = "VACUUM INTO ?";
        let copy = Statement::from_sql_and_values(DbBackend::Sqlite, copy, [target.into()]);
        closing(db, async |db| db.execute_raw(copy).await.map(|_| ())).await
    }

    fn place(&self) -> Result<ConnectionInfo, MigrationError> {
        let url = DatabaseUrl::sqlite(&self.0)?;
        Ok(ConnectionInfo::dedicated(&url)?)
    }

    fn complete(self, file: &Path) -> Result<(), MigrationError> {
        let log = files::with(&self.0, "-wal");
        if log.metadata().is_ok_and(|log| log.len() > 0) {
            // It would be lost with its name.
            return Err(MigrationError::Configuration(format!(
                "{} is still in use",
                log.display()
            )));
        }
        files::move_to(&self.0, file)
    }
}

impl Drop for Unfinished {
    /// Of one that was completed, nothing is there any more.
    fn drop(&mut self) {
        if let Err(error) = files::remove_database(&self.0) {
            tracing::warn!(%error, "a file that was not completed stays");
        }
    }
}

/// Whatever begins so.
fn remove_all(beginning: &Path) -> io::Result<()> {
    let (Some(directory), Some(name)) = (beginning.parent(), beginning.file_name()) else {
        return Ok(());
    };
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let begins = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(name.as_encoded_bytes());
        if begins && let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "a file stays");
        }
    }
    Ok(())
}
