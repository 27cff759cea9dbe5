//! Files that hold an input and what is expected of it.

use std::path::{Path, PathBuf};

/// `tests/files`.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

/// The files of a folder in order.
pub(crate) fn files_of(folder: &str) -> Vec<PathBuf> {
    let folder = root().join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Runs a stage on each file of a folder. A stage returns the whole file with its expectations as they come out
/// today; an error is a verdict that no blessing changes. All failures are reported at once.
pub(crate) fn check_folder(folder: &str, stage: fn(&str) -> Result<String, String>) {
    let bless = std::env::var_os("BLESS").is_some_and(|value| value == "1");
    let paths = files_of(folder);
    assert!(!paths.is_empty(), "there are no files in {folder}");
    let mut failures = Vec::new();
    for path in paths {
        let name = format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        let text = std::fs::read_to_string(&path).unwrap();
        match stage(&text) {
            Err(cause) => failures.push(format!("{name}: {cause}")),
            Ok(actual) if actual == text => {}
            Ok(actual) if bless => std::fs::write(&path, actual).unwrap(),
            Ok(actual) => failures.push(format!("{name}: {}", difference(&text, &actual))),
        }
    }
    let advice = "BLESS=1 rewrites the expectations; read the difference before committing it";
    assert!(failures.is_empty(), "\n{}\n{advice}", failures.join("\n\n"));
}

/// The first line that differs.
fn difference(expected: &str, actual: &str) -> String {
    let (mut expected, mut actual) = (expected.lines(), actual.lines());
    for number in 1.. {
        let (old, new) = (expected.next(), actual.next());
        if old != new {
            let show = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
            return format!("line {number} is\n  {}\nexpected is\n  {}", show(new), show(old));
        }
        if old.is_none() {
            break;
        }
    }
    "only line endings differ".to_owned()
}

/// The comment lines at the head of a file, with their line ends.
pub(crate) fn head(text: &str) -> &str {
    let length = text.split_inclusive('\n').take_while(|line| line.starts_with(';')).map(str::len).sum();
    &text[..length]
}

/// The value of a directive such as `; test pass fuse_gate` in the head.
pub(crate) fn directive<'text>(text: &'text str, key: &str) -> Option<&'text str> {
    head(text).lines().find_map(|line| line.strip_prefix("; ")?.strip_prefix(key)?.strip_prefix(' '))
}

/// The input: everything before the line that begins with the marker.
pub(crate) fn before<'text>(text: &'text str, marker: &str) -> &'text str {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        if line.starts_with(marker) {
            break;
        }
        length += line.len();
    }
    &text[..length]
}
