//! The key of a service that is told none, in a file beside its database.

use std::{
    fmt::Display,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret as _;
use tenant_core::UrlKeys;

use crate::Failure;

/// The key in the file.
pub(crate) fn kept(path: &Path) -> Result<UrlKeys, Failure> {
    let text = fs::read_to_string(path).map_err(|error| failure(path, &error))?;
    UrlKeys::parse(text.trim()).map_err(|error| failure(path, &error))
}

/// The key in the file, which is made where there is none.
pub(crate) fn kept_or_made(path: &Path) -> Result<UrlKeys, Failure> {
    match path.try_exists() {
        Ok(false) => made(path),
        Ok(true) => kept(path),
        Err(error) => Err(failure(path, &error)),
    }
}

/// Whoever stops half way leaves no file of that name, and of several that make a key at once, one
/// does: the name is given to a file that is whole, if nobody has it yet.
fn made(path: &Path) -> Result<UrlKeys, Failure> {
    let keys = UrlKeys::generate()?;
    let unnamed = beside(path)?;
    let named = write(&unnamed, &keys).and_then(|()| fs::hard_link(&unnamed, path));
    // What is left of it is a name that nobody reads.
    let _ = fs::remove_file(&unnamed);
    match named {
        Ok(()) => {
            println!(
                "made a key     {}: without it, tenants' databases cannot be read",
                path.display()
            );
            Ok(keys)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => kept(path),
        Err(error) => Err(failure(path, &error)),
    }
}

fn write(path: &Path, keys: &UrlKeys) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(keys.expose_first_as_base64().expose_secret().as_bytes())?;
    file.sync_all()
}

/// A name of its own for each attempt.
fn beside(path: &Path) -> Result<PathBuf, Failure> {
    let attempt = getrandom::u64()?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{attempt:016x}"));
    Ok(name.into())
}

fn failure(path: &Path, cause: &dyn Display) -> Failure {
    format!("the key file {}: {cause}", path.display()).into()
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    fn text(keys: &UrlKeys) -> String {
        keys.expose_first_as_base64().expose_secret().to_owned()
    }

    #[test]
    fn of_many_who_start_at_once_all_have_one_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let barrier = Barrier::new(8);
        let made: Vec<_> = thread::scope(|scope| {
            let start = || {
                barrier.wait();
                text(&made(&path).unwrap())
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(made.iter().all(|key| *key == made[0]));
        assert_eq!(text(&kept_or_made(&path).unwrap()), made[0]);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_holds_no_key_is_named_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let refused = kept(&path).unwrap_err().to_string();
        assert!(refused.contains(&path.display().to_string()), "{refused}");
        fs::write(&path, "").unwrap();
        let refused = kept_or_made(&path).unwrap_err().to_string();
        assert!(refused.contains(&path.display().to_string()), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
