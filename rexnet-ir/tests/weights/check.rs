//! Reads a file and compares the codes of its faults; the fixtures that `make_checkpoints.py` made.

use crate::memory::peak;
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::weights::StateDict;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longer is taken for a hang. This is no measurement: a file takes milliseconds on an idle machine.
const HANG: Duration = Duration::from_secs(60);

/// A file below `tests/fixtures/checkpoints`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/checkpoints");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads without hanging and within the bounds of memory: a small multiple of the file.
pub(crate) fn bounded_read(name: &str, file: &[u8]) -> Result<StateDict, Diagnostics> {
    let content = Bytes::copy_from_slice(file);
    let start = Instant::now();
    let (result, bytes) = peak(|| StateDict::read(&content));
    assert!(start.elapsed() < HANG, "{name} hangs");
    assert!(bytes < (16 << 20) + 24 * file.len(), "{name} held {bytes} bytes of {}", file.len());
    result
}

/// Each row: name, the expected code or nothing where the file reads, a word of the fault's text, the file. All wrong
/// rows are told at once.
#[track_caller]
pub(crate) fn check_all(rows: Vec<(&str, &str, &str, Vec<u8>)>) {
    let mut wrong = Vec::new();
    for (name, expected, word, file) in rows {
        let result = bounded_read(name, &file);
        let (found, text) = match &result {
            Ok(_) => ("", String::new()),
            Err(faults) => (faults.list[0].code.code(), faults.to_string()),
        };
        if found != expected || !text.contains(word) {
            let text: String = text.chars().take(600).collect();
            wrong.push(format!("{name}: expected {expected:?} with {word:?}, found {found:?}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
