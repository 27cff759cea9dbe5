//! Pickles that PyTorch of today does not write: those of its first versions, those of other writers, and wrong ones.

use crate::check::{bounded_read, check_all};
use crate::encode::{
    dict, global, int, ints, old_form, pickle, rebuilt, storage, tensor, text, tuple, zip_of,
};
use rexnet_ir::weights::Entry;

const ONES: [u8; 8] = [0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f];

/// A tensor of two ones.
fn pair() -> Vec<u8> {
    tensor("FloatStorage", "0", 2, 0, &[2], &[1])
}

/// An archive in which key 0 holds two ones.
fn archive(object: &[u8]) -> Vec<u8> {
    zip_of(object, &[("0", &ONES)])
}

#[test]
fn every_way_to_write_a_state_dict_is_read() {
    let weight = || dict(&[("w", pair())]);
    let old_text = |text: &str| [b"U", &[text.len() as u8][..], text.as_bytes()].concat();
    let long_text = |text: &str| [b"T", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let ordered = global("collections", "OrderedDict");
    let python2_pair = [b"](", &old_text("w")[..], &pair(), b"e"].concat();
    let python2 = [&ordered[..], b"](", &python2_pair, b"e\x85R"].concat();
    let first_version = {
        let arguments = [storage("FloatStorage", "0", 2), int(0), ints(&[2]), ints(&[1])];
        [global("torch._utils", "_rebuild_tensor"), tuple(&arguments), b"R".to_vec()].concat()
    };
    let on_a_device = {
        let fields =
            [long_text("storage"), global("torch.cuda", "FloatStorage"), text("0"), text("cuda:0"), int(2)];
        rebuilt(&[tuple(&fields), b"Q".to_vec()].concat(), 0, &[2], &[1])
    };
    let beside = [
        b"\x8b\x02\x00\x00\x00\x01\x00".to_vec(), // a long integer
        b"C\x02ab".to_vec(),                      // bytes
        b"B\x02\x00\x00\x00ab".to_vec(),
        b"\x8e\x02\0\0\0\0\0\0\0ab".to_vec(),
        b"\x8c\x02ab".to_vec(), // text
        b"\x8d\x02\0\0\0\0\0\0\0ab".to_vec(),
        b"U\x02\xff\xfe".to_vec(),     // text of Python 2 that is none
        b"G\0\0\0\0\0\0\0\0".to_vec(), // a float
        b"J\xff\xff\xff\xff".to_vec(), // -1
        b"(KKMKKl".to_vec(),           // a list
        b"]KKa".to_vec(),
    ];
    let odd = beside.into_iter().flat_map(|value| [text("other"), value].concat()).collect::<Vec<u8>>();
    let rows = [
        ("dict", weight()),
        ("pairs behind a mark", [b"(", &text("w")[..], &pair(), b"d"].concat()),
        ("one pair", [b"}", &text("w")[..], &pair(), b"s"].concat()),
        ("Python 2", python2),
        ("before 0.4", dict(&[("w", first_version)])),
        ("old text", [b"}", &old_text("w")[..], &pair(), b"s"].concat()),
        ("on a device", dict(&[("w", on_a_device)])),
        ("things beside", [b"}(", &text("w")[..], &pair(), &odd, b"u"].concat()),
        ("the last of two", dict(&[("w", b"N".to_vec()), ("w", pair())])),
        ("the last of two dicts", dict(&[("model", b"}".to_vec()), ("model", weight())])),
        ("values that are dropped", [&weight()[..], b"(NN1N0(0"].concat()),
        ("recalled", [&weight()[..], b"\x94r\x07\0\0\x800j\x07\0\0\x80"].concat()),
        ("attributes", [&weight()[..], b"Nb"].concat()),
    ];
    for (name, object) in rows {
        for file in [archive(&object), old_form(&object, &[("0", &ONES, 2)])] {
            let read = bounded_read(name, &file).unwrap_or_else(|faults| panic!("{name}: {faults}"));
            assert_eq!(read.names().collect::<Vec<_>>(), ["w"], "{name}");
            let Some(Entry::Float(tensor)) = read.get("w") else { panic!("{name}: {read:?}") };
            assert_eq!(tensor.data()[..], [1.0, 1.0], "{name}");
        }
    }
}

#[test]
fn programs_that_make_no_sense_are_damaged_files() {
    let row = |name, word, object: &[u8]| (name, "RX0301", word, archive(object));
    let call = |arguments: &[u8]| {
        dict(&[("w", [&global("torch._utils", "_rebuild_tensor_v2")[..], arguments, b"R"].concat())])
    };
    let with = |storage: &[u8]| dict(&[("w", rebuilt(storage, 0, &[2], &[1]))]);
    let reference = |fields: &[Vec<u8>]| with(&[tuple(fields), b"Q".to_vec()].concat());
    let class = || global("torch", "FloatStorage");
    check_all(vec![
        row("an empty stack", "operands", b"0"),
        row("nothing at the end", "operands", b"(N1"),
        row("a value below a mark", "operands", b"N(2"),
        row("a tuple across a mark", "operands", b"N(N\x86"),
        row("no mark", "operands", b"Nt"),
        row("no such instruction", "0xff is no pickle instruction", b"\xff"),
        row("a missing memory", "remember", b"h\x05"),
        row("half a pair", "no dict", b"}(Nu"),
        row("pairs for a list", "no dict", b"](NNu"),
        row("elements of a dict", "no list", b"}Na"),
        row("a call of None", "no function", b"N)R"),
        row("attributes of None", "attributes", b"NNb"),
        row("a name that is a number", "no text", b"NN\x93"),
        row("text that is none", "UTF-8", b"X\x02\0\0\0\xff\xfe"),
        row("text that ends early", "ends early", b"X\xff\xff\xff\xffab"),
        row("text that never ends", "ends early", b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab"),
        row("a name without an end", "ends early", b"ctorch"),
        row("no arguments", "arguments", &call(b")")),
        row("arguments in a list", "no function", &call(b"]")),
        row("other arguments", "arguments", &call(b"(NKKKKNNt")),
        row(
            "pairs that are none",
            "no pairs",
            &[&global("collections", "OrderedDict")[..], b"]Na\x85R"].concat(),
        ),
        row("no storage", "no storage", &with(b"NQ")),
        row(
            "a module in its place",
            "no storage",
            &reference(&[text("module"), class(), text("0"), text("cpu"), int(2)]),
        ),
        row(
            "a storage without a class",
            "no storage",
            &reference(&[text("storage"), int(0), text("0"), text("cpu"), int(2)]),
        ),
        row(
            "a storage without a length",
            "natural",
            &reference(&[text("storage"), class(), text("0"), text("cpu"), text("2")]),
        ),
        row("a key that is too long", "too long", &with(&storage("FloatStorage", &"0".repeat(2000), 2))),
    ]);
}

#[test]
fn tensors_lie_in_their_storages() {
    let row = |name, word, tensor: Vec<u8>| (name, "RX0301", word, archive(&dict(&[("w", tensor)])));
    let of = |count, offset, dims: &[i64], strides: &[i64]| {
        tensor("FloatStorage", "0", count, offset, dims, strides)
    };
    let max = i64::MAX;
    check_all(vec![
        row("another key", "missing", tensor("FloatStorage", "1", 2, 0, &[2], &[1])),
        row("another length", "another length", of(3, 0, &[2], &[1])),
        row("a length that no memory has", "another length", of(max, 0, &[2], &[1])),
        row("another width", "another length", tensor("DoubleStorage", "0", 2, 0, &[2], &[1])),
        row("too many elements", "beyond", of(2, 0, &[3], &[1])),
        row("too far on", "beyond", of(2, 1, &[2], &[1])),
        row("too far apart", "beyond", of(2, 0, &[2], &[2])),
        row("an offset without end", "beyond", of(2, max, &[2], &[1])),
        row("a stride without end", "beyond", of(2, 0, &[2, 2], &[max, max])),
        row("extents without end", "beyond", of(2, 0, &[max, max, max], &[1, 1, 1])),
        row("no elements of extents without end", "too large", of(2, 0, &[0, max, max], &[1, 1, 1])),
        row("a negative offset", "natural", of(2, -1, &[1], &[1])),
        row("a negative stride", "natural", of(2, 1, &[2], &[-1])),
        row("a negative extent", "natural", of(2, 0, &[-2], &[1])),
        row("fewer strides", "one stride", of(2, 0, &[2, 1], &[1])),
        row("too many axes", "too many", of(2, 0, &[1; 65], &[1; 65])),
        (
            "a name that is too long",
            "RX0301",
            "too long",
            archive(&dict(&[(&"w".repeat(2000), of(2, 0, &[2], &[1]))])),
        ),
    ]);
}

#[test]
fn what_only_other_writers_use_is_told() {
    let view = tuple(&[text("1"), int(0), int(2)]);
    let fields = [text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(2), view];
    let part = dict(&[("w", rebuilt(&[tuple(&fields), b"Q".to_vec()].concat(), 0, &[2], &[1]))]);
    let mut rows = vec![
        ("a part of a storage", "RX0309", "parts of others", archive(&part)),
        ("a later protocol", "RX0309", "protocol 6", archive(b"\x80\x06N")),
        ("an old call", "RX0307", "os.system", archive(b"(X\x02\0\0\0lsios\nsystem\n")),
        ("an old call of what is known", "RX0309", "0x69", archive(b"(icollections\nOrderedDict\n")),
        (
            "a later version",
            "RX0309",
            "version",
            [pickle(b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"), pickle(b"K\x05")].concat(),
        ),
        ("a name with control characters", "RX0307", r"a\u{7}.b", archive(b"ca\x07\nb\n")),
    ];
    let instructions = *b"ILFSVgpPo\x81\x82\x83\x84\x8f\x90\x91\x92\x97\x98";
    rows.extend(
        instructions.iter().map(|&byte| ("an instruction", "RX0309", "pickle instruction", archive(&[byte]))),
    );
    check_all(rows);
}

#[test]
fn the_older_form_lists_its_storages() {
    let object = dict(&[("w", pair())]);
    let good = old_form(&object, &[("0", &ONES, 2)]);
    let head = old_form(&object, &[]).len();
    let start = &good[..good.len() - 16];
    check_all(vec![
        ("good", "", "", good.clone()),
        ("good, and more", "", "", [&good[..], b"more"].concat()),
        ("none", "RX0301", "missing", old_form(&object, &[])),
        ("another", "RX0301", "does not use", old_form(&object, &[("1", &ONES, 2)])),
        ("another length", "RX0301", "another length", old_form(&object, &[("0", &ONES, 1)])),
        ("no length", "RX0301", "ends early", [start, &[2, 0, 0]].concat()),
        ("cut", "RX0301", "ends early", good[..good.len() - 1].to_vec()),
        ("no list", "RX0301", "list its storages", [&good[..head - 6], &pickle(b"N")].concat()),
        ("keys that are none", "RX0301", "no text", [&good[..head - 6], &pickle(b"]Na")].concat()),
        (
            "storages before the object",
            "RX0301",
            "where there is none",
            pickle(&storage("FloatStorage", "0", 2)),
        ),
        ("long keys", "RX0301", "does not use", old_form(&object, &[(&"0".repeat(2000), &ONES, 2)])),
    ]);
}
