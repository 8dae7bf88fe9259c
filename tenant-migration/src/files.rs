//! Files of SQLite databases, and what is beside them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::MigrationError;

/// Gives a file another name, which nobody has: unlike a rename, this never replaces anything. What
/// is left of a log of that name belongs to a database that is gone, and would be taken for this
/// one's.
pub(crate) fn move_to(old: &Path, new: &Path) -> Result<(), MigrationError> {
    if is_one_file(old, new) {
        // Somebody who did this was killed half way.
        return fs::remove_file(old).map_err(|error| unusable(old, &error));
    }
    for ending in LOGS {
        remove(&with(new, ending))?;
    }
    fs::hard_link(old, new).map_err(|error| unusable(new, &error))?;
    fs::remove_file(old).map_err(|error| unusable(old, &error))
}

/// Whether two names are those of one file.
#[cfg(unix)]
pub(crate) fn is_one_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let number = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    number(one).is_some_and(|one| number(other) == Some(one))
}

/// Whether two names are those of one file: elsewhere it is not said.
#[cfg(not(unix))]
pub(crate) fn is_one_file(_: &Path, _: &Path) -> bool {
    false
}

/// Removes a database: its logs first, since a log without its file would be taken for the log of the
/// next file of that name.
pub(crate) fn remove_database(file: &Path) -> Result<(), MigrationError> {
    for ending in LOGS {
        remove(&with(file, ending))?;
    }
    remove(file)
}

const LOGS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Also one that is not there.
fn remove(file: &Path) -> Result<(), MigrationError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(file, &error)),
        _ => Ok(()),
    }
}

/// The path with more behind it.
pub(crate) fn with(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

pub(crate) fn unusable(path: &Path, error: &io::Error) -> MigrationError {
    MigrationError::Configuration(format!("{}: {error}", path.display()))
}
