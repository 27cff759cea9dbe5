//! Small files that ask for much time or memory.

use crate::check::check_all;
use crate::encode::{dict, global, int, ints, old_form, rebuilt, storage, tensor, text, tuple, zip_of};

const ZEROS: [u8; 4096] = [0; 4096];

/// An archive with one storage of 1024 floats.
fn archive(object: &[u8]) -> Vec<u8> {
    zip_of(object, &[("0", &ZEROS)])
}

/// The object, put under the key `w`, or beside a tensor.
fn beside(object: &[u8]) -> Vec<u8> {
    let weight = tensor("FloatStorage", "0", 1024, 0, &[1024], &[1]);
    archive(&dict(&[("bomb", object.to_vec()), ("w", weight)]))
}

fn many(unit: &[u8], count: usize) -> Vec<u8> {
    unit.repeat(count)
}

#[test]
fn nesting_costs_neither_stack_nor_memory() {
    let deep =
        |open: &[u8], close: &[u8], count| [many(open, count), b"N".to_vec(), many(close, count)].concat();
    // Each level holds the one before twice: 2^20000 leaves, were they copied.
    let doubled = [b"]".to_vec(), many(b"\x942\x86", 20_000)].concat();
    let cyclic = b"]q\x00h\x00a}q\x01X\x01\0\0\0ah\x01s\x86".to_vec();
    check_all(vec![
        ("lists in lists", "", "", beside(&deep(b"]", b"a", 40_000))),
        ("tuples in tuples", "", "", beside(&deep(b"", b"\x85", 40_000))),
        ("marks in marks", "", "", beside(&deep(b"(", b"t", 40_000))),
        (
            "dicts in dicts",
            "",
            "",
            beside(&[many(b"}N", 40_000), b"N".to_vec(), many(b"s", 40_000)].concat()),
        ),
        ("each twice", "", "", beside(&doubled)),
        ("cycles", "", "", beside(&cyclic)),
        ("a dict in itself", "RX0308", "model", archive(b"}q\x00X\x05\0\0\0modelh\x00s")),
        ("a million lists", "RX0310", "", beside(&deep(b"]", b"a", 1_000_000))),
        ("a million marks", "RX0301", "", beside(&many(b"(", 1_000_000))),
        ("three million Nones", "RX0310", "", beside(&many(b"N", 3_000_000))),
        ("a million memories", "RX0310", "", beside(&[b"N".to_vec(), many(b"\x94", 1_000_000)].concat())),
        ("far memories", "", "", beside(b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff\x86")),
    ]);
}

#[test]
fn copies_are_paid_for() {
    let pairs = [b"](".to_vec(), many(&ints(&[1, 2]), 2000), b"e\x85q\x00".to_vec()].concat();
    let ordered = [global("collections", "OrderedDict"), b"q\x01".to_vec()].concat();
    let dicts = [pairs, ordered, many(b"h\x01h\x00R", 20_000), many(b"0", 20_000)].concat();
    let dims = |count: usize| ints(&vec![1; count]);
    let ranks = {
        let arguments =
            [storage("FloatStorage", "0", 1024), int(0), dims(100_000), dims(100_000), b"\x89N".to_vec()];
        [global("torch._utils", "_rebuild_tensor_v2"), tuple(&arguments), b"R".to_vec()].concat()
    };
    let transposed =
        [rebuilt(&storage("FloatStorage", "0", 1024), 0, &[32, 32], &[1, 32]), b"q\x00".to_vec()].concat();
    let copies: Vec<u8> =
        (0..20_000).flat_map(|at| [text(&format!("w{at}")), b"h\x00".to_vec()].concat()).collect();
    let expanded = |dims: &[i64], strides: &[i64]| {
        archive(&dict(&[("w", tensor("FloatStorage", "0", 1024, 0, dims, strides))]))
    };
    check_all(vec![
        ("a list in many dicts", "RX0310", "", beside(&dicts)),
        ("axes", "RX0301", "too many", beside(&ranks)),
        (
            "transposed again and again",
            "RX0310",
            "",
            archive(&[b"}(X\x01\0\0\0w", &transposed[..], &copies, b"u"].concat()),
        ),
        ("expanded", "", "", expanded(&[1000, 16], &[0, 1])),
        ("expanded a million times", "RX0310", "", expanded(&[1 << 20, 1024], &[0, 1])),
        ("expanded without end", "RX0301", "beyond", expanded(&[1 << 40, 1 << 40], &[0, 0])),
    ]);
}

#[test]
fn long_names_do_not_cost_quadratic_time() {
    let long = [text(&"n".repeat(300_000)), b"q\x00".to_vec()].concat();
    let weight = [tensor("FloatStorage", "0", 1024, 0, &[1024], &[1]), b"q\x01".to_vec()].concat();
    let names = [b"}(", &long[..], &weight, &many(b"h\x00h\x01", 50_000), b"u"].concat();
    let keys = [b"}(", &long[..], b"N", &many(b"h\x00N", 50_000), b"u"].concat();
    let object = dict(&[("w", weight.clone())]);
    let storages: Vec<(&str, &[u8], usize)> = vec![("0", &ZEROS, 1024)];
    let file = old_form(&object, &storages);
    check_all(vec![
        ("a long name for many tensors", "RX0301", "too long", archive(&names)),
        ("a long name for many values", "RX0308", "", archive(&keys)),
        ("the older form", "", "", file),
        ("a long name that is refused", "RX0307", "nnn", archive(&[&long[..], b"h\x00\x93"].concat())),
    ]);
}
