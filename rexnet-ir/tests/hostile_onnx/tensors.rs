//! Stored tensors whose elements, types or files do not fit.

use crate::check::check_all;
use crate::encode::{Bytes, FLOAT, INT64, Model, node, raw_tensor, single, tensor};

/// A sum with the tensor `b`, which should be `[1, 4, 1, 1]` floats.
fn sum(b: Bytes) -> Vec<u8> {
    single("Add", &["x", "b"], &[], &[b])
}

#[test]
fn elements_are_checked_against_dimensions() {
    let typed = |field: u64, kind: i64, count: usize| {
        let mut bytes = Bytes::default().ints(1, &[1, 4, 1, 1]).int(2, kind).text(8, "b");
        for _ in 0..count {
            bytes = if field == 4 { bytes.float(4, 1.0) } else { bytes.int(field, 1) };
        }
        sum(bytes)
    };
    let raw = |dims: &[i64], bytes: usize| sum(raw_tensor("b", FLOAT, dims, &vec![0; bytes]));
    let twice = Bytes(tensor("b", &[1, 4, 1, 1]).0).float(4, 1.0);
    let mut packed = Bytes::default().ints(1, &[1, 4, 1, 1]).int(2, FLOAT).text(8, "b");
    packed = packed.raw(4, &[0; 16]);
    check_all(vec![
        ("fits", "", "", raw(&[1, 4, 1, 1], 16)),
        ("longer", "RX0903", "17 bytes", raw(&[1, 4, 1, 1], 17)),
        ("shorter", "RX0903", "15 bytes", raw(&[1, 4, 1, 1], 15)),
        ("empty", "RX0903", "0 bytes", raw(&[1, 4, 1, 1], 0)),
        ("negative extent", "RX0903", "not sensible", raw(&[1, -4, 1, 1], 16)),
        ("least extent", "RX0903", "not sensible", raw(&[i64::MIN], 16)),
        ("largest extent", "RX0903", "not sensible", raw(&[i64::MAX], 16)),
        ("2^40 elements", "RX0903", "not sensible", raw(&[1 << 40], 16)),
        ("product overflows", "RX0903", "not sensible", raw(&[1 << 32, 1 << 32], 16)),
        ("product overflows to 0", "RX0903", "not sensible", raw(&[1 << 32, 1 << 32, 0], 0)),
        ("zero before a huge extent", "RX0903", "not sensible", raw(&[0, 1 << 62, 1 << 62], 0)),
        ("rank 9", "RX0903", "not sensible", raw(&[1; 9], 4)),
        ("no elements", "RX0902", "do not broadcast", raw(&[0], 0)),
        ("typed field", "", "", typed(4, FLOAT, 4)),
        ("packed field", "", "", sum(packed)),
        ("typed field too long", "RX0903", "5 elements", typed(4, FLOAT, 5)),
        ("typed field too short", "RX0903", "3 elements", typed(4, FLOAT, 3)),
        ("another type's field", "RX0903", "0 elements", typed(7, FLOAT, 4)),
        ("elements given twice", "RX0903", "more than once", sum(twice)),
        ("no type", "RX0902", "undefined", typed(4, 0, 4)),
        ("string", "RX0902", "string", typed(4, 8, 4)),
        ("complex", "RX0902", "complex64", typed(4, 14, 4)),
        ("4-bit integers", "RX0902", "type 22", typed(4, 22, 4)),
        ("type -1", "RX0902", "type -1", typed(4, -1, 4)),
        ("integers as data", "RX0902", "integers", typed(7, INT64, 4)),
    ]);
}

#[test]
fn external_data_stays_in_the_folder() {
    let external = |entries: &[(&str, &str)]| {
        let entries: Vec<Bytes> =
            entries.iter().map(|(key, value)| Bytes::default().text(1, key).text(2, value)).collect();
        let b = Bytes::default().ints(1, &[1, 4, 1, 1]).int(2, FLOAT).text(8, "b");
        sum(b.messages(13, &entries).int(14, 1))
    };
    let at = |path: &str| external(&[("location", path)]);
    let part = |offset: &str, length: &str| {
        external(&[("location", "weights.bin"), ("offset", offset), ("length", length)])
    };
    let mut rows = vec![
        ("whole file", "", "", at("weights.bin")),
        ("part", "", "", part("48", "16")),
        ("missing file", "RX0904", "there is no", at("other.bin")),
        ("no file", "RX0904", "no file", external(&[])),
        ("path with steps", "", "", at("./weights.bin")),
        ("path with empty steps", "", "", at(".//./weights.bin")),
        ("path of Windows", "", "", at(".\\weights.bin")),
        ("pointer", "RX0904", "16 are needed: it is a Git LFS pointer of 73 bytes", at("pointer.bin")),
        ("page", "RX0904", "15 bytes, 16 are needed: it is an HTML page", at("page.bin")),
        ("empty file", "RX0904", "0 bytes, 16 are needed: it is an empty file", at("empty.bin")),
        ("offset beyond", "RX0904", "64 bytes", part("49", "16")),
        ("offset overflows", "RX0904", "64 bytes", part("18446744073709551615", "16")),
        ("offset too large", "RX0904", "offset", part("18446744073709551616", "16")),
        ("negative offset", "RX0904", "offset", part("-1", "16")),
        ("offset that is no number", "RX0904", "offset", part("0x10", "16")),
        ("another length", "RX0904", "length", part("0", "20")),
        ("negative length", "RX0904", "length", part("0", "-16")),
    ];
    for path in [
        "",
        ".",
        "..",
        "/etc/passwd",
        "../weights.bin",
        "a/../b",
        "a/..",
        "a/",
        "a/.",
        "./../b",
        "a/./../../b",
        "/weights.bin",
        "//weights.bin",
        "\\weights.bin",
        "C:\\x",
        "C:x",
        "\\\\server\\share",
        "a\\b\\..\\..\\..\\c",
        "..\\x",
        "file:///x",
        "weights.bin\0.txt",
    ] {
        rows.push(("climbing path", "RX0904", "may leave", at(path)));
    }
    check_all(rows);
}

#[test]
fn sparse_and_quantised_models_are_refused() {
    let add = || node("Add", &["x", "b"], &["y"], &[]);
    let mut sparse = Model::new(&[add()]);
    sparse.graph = Bytes::default().message(15, &Bytes::default().message(1, &tensor("b", &[4])));
    let mut annotated = Model::new(&[node("Relu", &["x"], &["y"], &[])]);
    annotated.graph = Bytes::default().message(14, &Bytes::default().text(1, "x"));
    let qdq = Model::new(&[
        node("QuantizeLinear", &["x", "s"], &["q"], &[]),
        node("DequantizeLinear", &["q", "s"], &["y"], &[]),
    ]);
    let integers = single("QLinearConv", &["x", "s", "s", "s", "s", "s", "s", "s"], &[], &[tensor("s", &[])]);
    check_all(vec![
        ("sparse", "RX0902", "sparse", sparse.file()),
        ("quantize, dequantize", "RX0905", "QuantizeLinear", qdq.with(&[tensor("s", &[])]).file()),
        ("QLinearConv", "RX0905", "QLinearConv", integers),
        ("annotation", "RX0905", "quantisation", annotated.file()),
    ]);
}
