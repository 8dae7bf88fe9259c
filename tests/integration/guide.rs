//! What the guide quotes is what the program says.

use std::{
    fs,
    path::{Path, PathBuf},
};

const PAGE: &str = include_str!("../../docs/src/troubleshooting.md");

#[test]
fn errors_that_the_guide_explains_are_errors_of_the_library() {
    let sources: Vec<String> = sources().iter().map(|file| joined(file)).collect();
    let texts: Vec<&str> = ["Of the library", "Of the compiler"]
        .into_iter()
        .flat_map(texts_below)
        .collect();
    assert!(texts.len() > 15, "{texts:?}");
    for text in texts {
        assert!(
            sources.iter().any(|source| says(source, text)),
            "no source file says `{text}`, which docs/src/troubleshooting.md explains"
        );
    }
}

/// The first column of the table below a heading, without backticks.
fn texts_below(heading: &str) -> Vec<&'static str> {
    PAGE.split("## ")
        .find(|section| section.starts_with(heading))
        .expect("the heading is there")
        .lines()
        .filter_map(|row| row.strip_prefix("| `")?.split('`').next())
        .collect()
}

/// Whether a literal says the text, whose `..` stands for a few words.
fn says(source: &str, text: &str) -> bool {
    let mut parts = text.split("..").map(str::trim);
    let first = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    source.match_indices(first).any(|(at, _)| {
        let mut remaining = &source[at + first.len()..];
        rest.iter().all(|part| match remaining.find(part) {
            Some(found) if found < 60 => {
                remaining = &remaining[found + part.len()..];
                true
            }
            _ => false,
        })
    })
}

/// The file, with literals of several lines in one.
fn joined(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a source file is readable");
    text.split("\\\n")
        .map(str::trim_start)
        .collect::<String>()
        .replace("\\\"", "\"")
}

fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = ["core", "macros", "actix", "migration"]
        .map(|name| root.join(format!("tenant-{name}/src")))
        .into();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder is readable") {
            let path = entry.expect("an entry is readable").path();
            match path.extension() {
                _ if path.is_dir() => folders.push(path),
                Some(extension) if extension == "rs" => files.push(path),
                _ => {}
            }
        }
    }
    files
}
