use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sea_orm::DatabaseConnection;
use tenant_core::{ConnectionInfo, DatabaseUrl, TenantDirectory};

use super::{Making, ProvisionStep};
use crate::{
    Fleet, MigrationError,
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
        fs::create_dir_all(directory).map_err(|error| unusable(directory, &error))?;
    }
    let _lock = sqlite::lock_file(&making.place)?;
    if file.exists() {
        return match making.is_new {
            true => Err(making.occupied()),
            false => Ok(()),
        };
    }
    let unfinished = Unfinished::new(&file)?;
    making.tell(ProvisionStep::CreateSchema, false).await?;
    let place = unfinished.place()?;
    making.tell(ProvisionStep::CreateSchema, true).await?;
    let db = fleet.tenancy().dedicated_connection_to(&place).await?;
    let filled = fill(fleet, making, &db, &place).await;
    let closed = db.close().await;
    filled?;
    closed?;
    unfinished.complete(&file)
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
    for place_in_order in 0..migrations.names().len() {
        let Some(migration) = migrations.at(place_in_order) else {
            continue;
        };
        if migration.use_transaction() == Some(false) {
            tx.commit().await?;
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
    /// One that was left is removed: whoever made it is gone, since the lock was to be had.
    fn new(file: &Path) -> Result<Self, MigrationError> {
        let mut name = file.as_os_str().to_owned();
        name.push(".unfinished");
        let unfinished = Self(name.into());
        unfinished.remove();
        File::create(&unfinished.0).map_err(|error| unusable(&unfinished.0, &error))?;
        Ok(unfinished)
    }

    fn place(&self) -> Result<ConnectionInfo, MigrationError> {
        let url = DatabaseUrl::sqlite(&self.0)?;
        Ok(ConnectionInfo::dedicated(&url).map_err(tenant_core::TenantError::from)?)
    }

    fn complete(self, file: &Path) -> Result<(), MigrationError> {
        let log = with(&self.0, "-wal");
        if log.metadata().is_ok_and(|log| log.len() > 0) {
            // It would be lost with its name.
            return Err(MigrationError::Configuration(format!(
                "{} is still in use",
                log.display()
            )));
        }
        fs::rename(&self.0, file).map_err(|error| unusable(file, &error))
    }

    fn remove(&self) {
        for path in [self.0.clone(), with(&self.0, "-wal"), with(&self.0, "-shm")] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "a file stays");
                }
                _ => {}
            }
        }
    }
}

impl Drop for Unfinished {
    /// Of one that was completed, nothing is there any more.
    fn drop(&mut self) {
        self.remove();
    }
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

fn unusable(path: &Path, error: &io::Error) -> MigrationError {
    MigrationError::Configuration(format!("{}: {error}", path.display()))
}
