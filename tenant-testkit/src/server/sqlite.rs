use std::fs;

use tempfile::TempDir;
use tenant_core::DatabaseUrl;

use crate::{TestkitError, scratch::Scratch};

/// Throw-away SQLite: a directory for tenants' files, and a file for the tables that they share.
///
/// The directory is removed when this is dropped, and soon after when the process ends, also when it
/// is killed.
#[derive(Debug)]
pub struct Sqlite {
    url: DatabaseUrl,
    shared: DatabaseUrl,
    directory: TempDir,
}

impl Sqlite {
    /// An empty directory.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Io`].
    pub fn new() -> Result<Self, TestkitError> {
        let making = || TestkitError::io("make a directory for SQLite files");
        let directory = tempfile::Builder::new()
            .prefix("sqlite-")
            .tempdir_in(Scratch::of_process()?.path())
            .map_err(making())?;
        let tenants = directory.path().join("tenants");
        fs::create_dir(&tenants).map_err(making())?;
        let shared = directory.path().join("shared.sqlite");
        // Tenants' connections attach it, and it is not theirs to make.
        fs::File::create(&shared).map_err(making())?;
        Ok(Self {
            url: DatabaseUrl::sqlite(tenants)?,
            shared: DatabaseUrl::sqlite(shared)?,
            directory,
        })
    }

    /// Where tenants are placed: the URL of a directory.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The file of the tables that tenants share. It is empty.
    #[must_use]
    pub fn shared(&self) -> &DatabaseUrl {
        &self.shared
    }

    /// The directory of all of it.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }
}
