use std::{
    env,
    path::{Path, PathBuf},
};

/// The first program of these names, in `PATH` and then in directories that are often not in it.
pub(super) fn find(names: &[&str], elsewhere: &[PathBuf]) -> Option<PathBuf> {
    names.iter().find_map(|name| {
        path()
            .into_iter()
            .chain(elsewhere.iter().cloned())
            .map(|directory| directory.join(name))
            .find(|program| is_program(program))
    })
}

/// The first directory that has all of these programs.
pub(super) fn find_all(names: &[&str], elsewhere: &[PathBuf]) -> Option<PathBuf> {
    path()
        .into_iter()
        .chain(elsewhere.iter().cloned())
        .find(|directory| names.iter().all(|name| is_program(&directory.join(name))))
}

fn path() -> Vec<PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect()
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
