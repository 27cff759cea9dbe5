//! Archives that other programs write, and damaged ones.

use crate::check::check_all;
use crate::encode::{Zip, dict, pickle, tensor};

fn sound() -> Zip {
    let mut zip = Zip::default();
    zip.add("net/data.pkl", &pickle(&dict(&[("w", tensor("FloatStorage", "0", 2, 0, &[2], &[1]))])));
    zip.add("net/data/0", &[0; 8]);
    zip
}

/// The archive with bytes in place of others, at the last place where these are.
fn patched(zip: &Zip, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut file = zip.file();
    let at = file.windows(from.len()).rposition(|window| window == from).unwrap();
    file[at..at + to.len()].copy_from_slice(to);
    file
}

#[test]
fn archives_of_every_kind_are_read() {
    let comment = [b"PK\x05\x06".as_slice(), &[0xff; 40]].concat();
    let mut marked = sound();
    marked.add("net/byteorder", b"little");
    marked.add("net/version", b"3\n");
    check_all(vec![
        ("plain", "", "", sound().file()),
        ("aligned", "", "", Zip { padding: 300, ..sound() }.file()),
        ("64-bit fields", "", "", Zip { wide: true, ..sound() }.file()),
        ("a comment like an end", "", "", Zip { comment: comment.clone(), ..sound() }.file()),
        ("64-bit fields and a comment", "", "", Zip { wide: true, comment, ..sound() }.file()),
        ("with the order of bytes", "", "", marked.file()),
    ]);
}

#[test]
fn archives_that_are_damaged_are_refused() {
    let zip = sound();
    let wide = Zip { wide: true, ..sound() };
    let end = b"PK\x05\x06";
    let mut empty = Zip::default();
    empty.add("net/version", b"3\n");
    let mut nested = Zip::default();
    nested.add("a/net/data.pkl", &pickle(b"}"));
    let mut lost = Zip::default();
    lost.add("net/data.pkl", &pickle(&dict(&[("w", tensor("FloatStorage", "0", 2, 0, &[2], &[1]))])));
    let directory = zip.file().windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let first_entry = |at: usize, to: &[u8]| {
        let mut file = zip.file();
        file[directory + at..directory + at + to.len()].copy_from_slice(to);
        file
    };
    check_all(vec![
        ("no pickle", "RX0301", "data.pkl", empty.file()),
        ("a pickle too deep", "RX0301", "data.pkl", nested.file()),
        ("a storage that is not there", "RX0301", "missing", lost.file()),
        ("encrypted", "RX0309", "encrypted", Zip { flags: 1, ..sound() }.file()),
        ("compressed", "RX0309", "net/data", Zip { method: 8, ..sound() }.file()),
        ("no end", "RX0301", "no directory", patched(&zip, end, b"PK\x05\x07")),
        ("only its start", "RX0301", "ends early", b"PK\x03\x04".to_vec()),
        (
            "a directory elsewhere",
            "RX0301",
            "shorter",
            patched(&zip, &(directory as u32).to_le_bytes(), &[4, 0, 0, 0]),
        ),
        (
            "a directory outside",
            "RX0301",
            "ends early",
            patched(&zip, &(directory as u32).to_le_bytes(), &[0xff; 3]),
        ),
        ("more entries", "RX0301", "shorter", patched(&zip, b"\x02\0\x02\0", b"\x03\0\x03\0")),
        ("no 64-bit end", "RX0301", "no directory", patched(&wide, b"PK\x06\x06", b"PK\x06\x05")),
        ("no 64-bit place", "RX0301", "ends early", patched(&wide, b"PK\x06\x07", b"PK\x06\x05")),
        (
            "entries without end",
            "RX0301",
            "shorter",
            patched(&wide, b"\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0", &[0xff; 16]),
        ),
        ("no header", "RX0301", "no header", first_entry(42, &[1, 0, 0, 0])),
        ("a header outside", "RX0301", "ends early", first_entry(42, &[0xfe; 4])),
        ("content outside", "RX0301", "ends early", first_entry(24, &[0xfe; 4])),
        ("a name that is none", "RX0301", "UTF-8", first_entry(46, &[0xff])),
        ("a long name", "RX0301", "ends early", first_entry(28, &[0xff; 2])),
    ]);
}
