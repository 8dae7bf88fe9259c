use std::{
    fs,
    process::{Command, Stdio},
};

/// A process and its descendants, parents first.
pub(super) fn of(pid: u32) -> Vec<u32> {
    let parents = parents();
    let mut tree = vec![pid];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(child, _)| *child),
        );
        next += 1;
    }
    tree
}

/// Each process of this machine with its parent.
fn parents() -> Vec<(u32, u32)> {
    // A minimal container has no ps.
    if let Ok(processes) = fs::read_dir("/proc").and_then(|all| {
        fs::metadata("/proc/self/stat")?;
        Ok(all)
    }) {
        return processes
            .flatten()
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
                // "123 (a name) S 1 …": the name may be anything, even with parentheses.
                let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?;
                Some((pid, parent.parse().ok()?))
            })
            .collect();
    }
    let listed = Command::new("ps")
        .args(["-A", "-o", "pid=", "-o", "ppid="])
        .stdin(Stdio::null())
        .output();
    let listed = listed.map(|listed| listed.stdout).unwrap_or_default();
    String::from_utf8_lossy(&listed)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
        .collect()
}
