//! What we are made of.

use std::{fs, process::Command};

use serde_json::Value;

/// The lint is the workspace's; a crate that does not inherit it is under none.
#[test]
fn every_crate_of_ours_forbids_unsafe_code() {
    let root = env!("CARGO_MANIFEST_DIR");
    let workspace = fs::read_to_string(format!("{root}/Cargo.toml")).unwrap();
    assert!(workspace.contains("[workspace.lints.rust]\nunsafe_code = \"forbid\""));
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root)
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() >= 9, "{}", packages.len());
    for package in packages {
        let manifest = package["manifest_path"].as_str().unwrap();
        let text = fs::read_to_string(manifest).unwrap();
        assert!(text.contains("[lints]\nworkspace = true"), "{manifest}");
    }
}
