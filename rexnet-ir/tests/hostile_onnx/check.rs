//! Runs the importer on a file and compares the codes of its faults.

use crate::memory::peak;
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::Diagnostics;
use rexnet_ir::graph::Graph;
use rexnet_ir::onnx::{ImportOptions, import};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Longer is taken for a hang. This is no measurement: an import takes milliseconds on an idle machine.
const HANG: Duration = Duration::from_secs(60);
const MAX_BYTES: usize = 64 << 20;

/// Imports without hanging and within the bounds of memory. Beside the model lie
/// `weights.bin`, 64 bytes, and files that stand in the place of such.
pub(crate) fn bounded_import(name: &str, file: &[u8]) -> Result<Graph, Diagnostics> {
    let mut external = |path: &str| {
        let content: &[u8] = match path {
            "weights.bin" => &[0; 64],
            "pointer.bin" => b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13963115\n",
            "page.bin" => b"<!DOCTYPE html>",
            "empty.bin" => b"",
            _ => return Err(format!("there is no {path}")),
        };
        Ok(Bytes::from_static(content))
    };
    let content = file.to_vec();
    let start = Instant::now();
    let (result, bytes) = peak(|| import(content, &mut external, &ImportOptions::with_batch(1)));
    assert!(start.elapsed() < HANG, "{name} hangs");
    assert!(file.len() > 1 << 20 || bytes < MAX_BYTES, "{name} held {bytes} bytes of {}", file.len());
    if let Ok(graph) = &result {
        graph.verify().unwrap_or_else(|faults| panic!("{name} does not verify: {faults}"));
    }
    result
}

/// The distinct codes in order, such as `RX0902 RX0903`; empty where the file imports.
fn codes(result: &Result<Graph, Diagnostics>) -> String {
    let list = result.as_ref().err().map_or(&[][..], |faults| &faults.list);
    assert!(result.is_ok() || !list.is_empty());
    let codes: BTreeSet<&str> = list.iter().map(|fault| fault.code.code()).collect();
    codes.into_iter().collect::<Vec<_>>().join(" ")
}

/// Each row: name, expected codes, a word of the faults' text, the file. All wrong rows are told at once.
#[track_caller]
pub(crate) fn check_all(rows: Vec<(&str, &str, &str, Vec<u8>)>) {
    let mut wrong = Vec::new();
    for (name, expected, word, file) in rows {
        let result = bounded_import(name, &file);
        let text = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let found = codes(&result);
        if found != expected || !text.contains(word) {
            let text: String = text.chars().take(600).collect();
            wrong.push(format!("{name}: expected {expected:?} with {word:?}, found {found:?}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
