use std::{
    fmt,
    os::unix::{fs::chown, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use crate::TestkitError;

/// Who runs the servers. They refuse to be root.
#[derive(Clone, Debug)]
pub(crate) enum Account {
    /// We ourselves.
    Ours,
    /// Somebody else, because we are root.
    Other {
        name: &'static str,
        user: u32,
        group: u32,
    },
}

impl Account {
    pub(crate) fn of_servers() -> Result<Self, TestkitError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ours);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| {
                Some(Self::Other {
                    name,
                    user: id("-u", name)?,
                    group: id("-g", name)?,
                })
            })
            .ok_or(TestkitError::NoUser)
    }

    /// The command will be run by this account, in its groups alone.
    pub(crate) fn run(&self, command: &mut Command) {
        if let Self::Other { user, group, .. } = *self {
            command.uid(user).gid(group);
        }
    }

    /// Makes a file or directory this account's own.
    pub(crate) fn own(&self, path: &Path) -> Result<(), TestkitError> {
        match *self {
            Self::Ours => Ok(()),
            Self::Other { user, group, .. } => chown(path, Some(user), Some(group)).map_err(
                TestkitError::io(format!("give {} to {self}", path.display())),
            ),
        }
    }

    pub(crate) fn may_enter(&self, directory: &Path) -> bool {
        let mut test = Command::new("/bin/sh");
        // It may not even stay where we are.
        test.args(["-c", r#"cd / && test -x "$1""#, "sh"])
            .arg(directory)
            .current_dir("/")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        self.run(&mut test);
        test.status().is_ok_and(|status| status.success())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => f.write_str("we"),
            Self::Other { name, .. } => write!(f, "the user {name}"),
        }
    }
}

/// Asks the system's own program: users are not only in /etc/passwd.
fn id(which: &str, name: &str) -> Option<u32> {
    let output = Command::new("id")
        .args([which, name])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
