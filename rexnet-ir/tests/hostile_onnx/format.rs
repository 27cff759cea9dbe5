//! Files that are no model, or only a part of one.

use crate::check::{bounded_import, check_all};
use crate::encode::{Bytes, Model, node, opset, single, subgraph, value_of, varint};
use crate::mutations::small_model;

fn nested(field: u64, depth: usize) -> Bytes {
    (0..depth).fold(Bytes::default(), |inner, _| Bytes::default().message(field, &inner))
}

/// A message whose last field says that it is longer than what follows.
fn overlong(field: u64, length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    varint(field << 3 | 2, &mut bytes);
    varint(length, &mut bytes);
    bytes
}

#[test]
fn damaged_files_are_refused() {
    let relu = || node("Relu", &["x"], &["y"], &[]);
    let whole = Model::new(&[relu()]);
    let with = |change: fn(&mut Model)| {
        let mut model = whole.clone();
        change(&mut model);
        model.file()
    };
    let groups = vec![0x0b; 100_000];
    check_all(vec![
        ("whole", "", "", whole.file()),
        ("empty", "RX0901", "an empty file", Vec::new()),
        ("text", "RX0901", "no ONNX model but a text", b"this is not a model".to_vec()),
        (
            "page",
            "RX0901",
            "an HTML page",
            b"<!DOCTYPE html><html><head><title>404</title></head></html>".to_vec(),
        ),
        (
            "pointer",
            "RX0901",
            "which stands for a file of 13963115 bytes",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13963115\n".to_vec(),
        ),
        ("archive", "RX0901", "a zip archive", b"PK\x03\x04".to_vec()),
        ("checkpoint", "RX0901", "PyTorch checkpoint", b"PK\x03\x04 archive/data.pkl".to_vec()),
        ("TFLite", "RX0901", "TensorFlow Lite", b"\x1c\0\0\0TFL3\x14\0\x20\0".to_vec()),
        (
            "cut",
            "RX0901",
            "bytes, 1048582 are needed",
            [&b"\x08\x08"[..], &overlong(7, 1 << 20), &[0; 9]].concat(),
        ),
        ("zeros", "RX0901", "no ONNX model", vec![0; 4096]),
        ("overlong graph", "RX0901", "no ONNX model", overlong(7, 1 << 20)),
        ("graph of 2^63 bytes", "RX0901", "no ONNX model", overlong(7, 1 << 63)),
        ("varint without end", "RX0901", "no ONNX model", vec![0xff; 64]),
        ("groups without end", "RX0901", "no ONNX model", groups),
        ("no graph", "RX0901", "no graph", Bytes::default().int(1, 8).message(8, &opset("", 17)).0),
        (
            "names that are no text",
            "RX0901",
            "no ONNX model",
            with(|m| m.graph = Bytes::default().raw(2, &[0xff])),
        ),
        ("no operator set", "RX0903", "imports no", with(|m| m.opsets.clear())),
        (
            "another domain's operator set",
            "RX0902",
            "imports no",
            with(|m| m.opsets = vec![opset("com.x", 1)]),
        ),
        ("operator set 0", "RX0902", "operator set 0 ", whole.clone().opset(0).file()),
        ("operator set 10000", "RX0902", "operator set 10000 ", whole.clone().opset(10_000).file()),
        ("operator set -1", "RX0902", "operator set -1 ", whole.clone().opset(-1).file()),
        ("no nodes", "RX0903", "never defined", with(|m| m.nodes.clear())),
        ("no outputs", "RX0903", "no output", with(|m| m.outputs.clear())),
        ("no inputs", "RX0902 RX0903", "no input", with(|m| m.inputs.clear())),
        (
            "input without type",
            "RX0902",
            "no tensor",
            with(|m| m.inputs = vec![Bytes::default().text(1, "x")]),
        ),
        ("input without extents", "RX0902", "rank 0", with(|m| m.inputs = vec![value_of("x", 1, &[])])),
    ]);
}

#[test]
fn nesting_is_bounded() {
    // An If whose branch holds an If, and so on.
    let deep_graphs = (0..10_000).fold(Bytes::default(), |inner, _| {
        Bytes::default().message(1, &node("If", &["x"], &["y"], &[subgraph("then_branch", &inner)]))
    });
    // A sequence of sequences …, as the type of the input.
    let sequences = (0..10_000)
        .fold(Bytes::default(), |inner, _| Bytes::default().message(4, &Bytes::default().message(1, &inner)));
    let mut typed = Model::new(&[node("Relu", &["x"], &["y"], &[])]);
    typed.inputs = vec![Bytes::default().text(1, "x").message(2, &sequences)];
    check_all(vec![
        (
            "graphs in graphs",
            "RX0902",
            "If",
            single("If", &["x"], &[subgraph("then_branch", &deep_graphs)], &[]),
        ),
        ("types in types", "RX0902", "no tensor", typed.file()),
        ("bytes in bytes", "RX0903", "operator set", nested(7, 10_000).0),
    ]);
}

#[test]
fn truncated_files_are_refused() {
    let file = small_model().file();
    assert!(bounded_import("whole", &file).is_ok());
    for part in 0..64 {
        let end = file.len() * part / 64;
        let result = bounded_import("truncated", &file[..end]);
        assert!(result.is_err(), "{end} of {} bytes", file.len());
    }
}
