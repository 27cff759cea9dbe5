//! Checkpoints with some bytes changed or missing: whatever is read can be used.

use crate::check::{bounded_read, fixture};
use proptest::prelude::*;
use rexnet_ir::weights::Entry;

const FILES: [&str; 6] = [
    "network.zip.pth",
    "network.pickle.pth",
    "views.zip.pth",
    "views.pickle.pth",
    "trained.zip.pth",
    "protocol4.zip.pth",
];

/// Reads, and where that succeeds reads all elements.
fn exercise(file: &[u8]) {
    let Ok(read) = bounded_read("changed", file) else { return };
    for (name, entry) in read.iter() {
        if let Entry::Float(tensor) = entry {
            assert_eq!(tensor.data().len(), tensor.dims().iter().product::<usize>(), "{name}");
        }
    }
}

#[test]
fn no_part_of_a_file_is_enough() {
    for name in FILES {
        let file = fixture(name);
        exercise(&file);
        for length in 0..file.len() {
            assert!(bounded_read(name, &file[..length]).is_err(), "{name}: {length} bytes");
        }
    }
}

#[test]
fn every_bit_may_be_wrong() {
    for name in FILES {
        let mut file = fixture(name);
        for at in 0..file.len() {
            for bit in 0..8 {
                file[at] ^= 1 << bit;
                exercise(&file);
                file[at] ^= 1 << bit;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_are_survived(
        file in prop::sample::select(&FILES[..]),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0usize..40, prop::collection::vec(any::<u8>(), 0..8), any::<bool>()),
            1..4,
        ),
    ) {
        let mut content = fixture(file);
        for (at, length, bytes, repeated) in changes {
            // A part of the file is replaced, by other bytes or by itself twice.
            let at = at.index(content.len());
            let part = at..(at + length).min(content.len());
            let bytes = if repeated { content[part.clone()].repeat(2) } else { bytes };
            content.splice(part, bytes);
            if content.is_empty() {
                break;
            }
        }
        exercise(&content);
    }

    /// Pickles of instructions that mean something, in any order.
    #[test]
    fn any_program_is_survived(
        instructions in prop::collection::vec(
            prop_oneof![
                4 => prop::sample::select(b"N(]})tlue012".to_vec()).prop_map(|byte| vec![byte]),
                2 => prop::sample::select(b"sad\x85\x86\x87RQb\x94".to_vec()).prop_map(|byte| vec![byte]),
                2 => (0u8..4).prop_map(|key| vec![b'h', key]),
                1 => (0u8..4).prop_map(|key| vec![b'q', key]),
                1 => any::<u8>().prop_map(|number| vec![b'K', number]),
                1 => Just(crate::encode::storage("FloatStorage", "0", 4)),
                1 => Just(crate::encode::tensor("FloatStorage", "0", 4, 1, &[3], &[1])),
                1 => Just(crate::encode::global("torch._utils", "_rebuild_tensor_v2")),
                1 => Just(crate::encode::global("collections", "OrderedDict")),
                1 => Just(crate::encode::text("model")),
            ],
            0..60,
        ),
    ) {
        exercise(&crate::encode::zip_of(&instructions.concat(), &[("0", &[0; 16])]));
        exercise(&crate::encode::old_form(&instructions.concat(), &[("0", &[0; 16], 4)]));
    }
}
