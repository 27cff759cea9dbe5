//! What PyTorch saved is read bit for bit as PyTorch reads it, from both of its forms.

use crate::check::{bounded_read, fixture};
use crate::memory::peak;
use rexnet_ir::Bytes;
use rexnet_ir::weights::{Entry, StateDict};
use safetensors::{Dtype, SafeTensors};

const BOTH: &[&str] = &["zip", "pickle"];

/// What `make_checkpoints.py` saved, and in which forms.
const SAVED: &[(&str, &[&str])] = &[
    ("elements", BOTH),
    ("untyped", &["zip"]),
    ("views", BOTH),
    ("network", BOTH),
    ("protocol4", BOTH),
    ("protocol5", BOTH),
    ("trained", BOTH),
    ("averaged", BOTH),
    ("compiled", BOTH),
    ("parameters", BOTH),
    ("three", BOTH),
];

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The entries are those of a safetensors file in which all floats are f32.
fn assert_same(what: &str, read: &StateDict, expected: &[u8]) {
    let expected = SafeTensors::deserialize(expected).unwrap();
    let mut names = expected.names();
    names.sort_unstable();
    assert_eq!(read.names().collect::<Vec<_>>(), names, "{what}");
    for (name, entry) in read.iter() {
        let view = expected.tensor(name).unwrap();
        assert_eq!(entry.dims(), view.shape(), "{what}: {name}");
        match entry {
            Entry::Float(tensor) => {
                assert_eq!(view.dtype(), Dtype::F32, "{what}: {name}");
                let values: Vec<f32> =
                    view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
                assert_eq!(bits(&tensor.data()), bits(&values), "{what}: {name}");
            }
            Entry::Other { element, .. } => {
                assert_eq!(*element, format!("{:?}", view.dtype()), "{what}: {name}")
            }
        }
    }
}

#[test]
fn checkpoints_are_read_as_pytorch_reads_them() {
    for (name, forms) in SAVED {
        let expected = fixture(&format!("{name}.safetensors"));
        for form in *forms {
            let what = format!("{name}.{form}.pth");
            let file = fixture(&what);
            let read = bounded_read(&what, &file).unwrap_or_else(|faults| panic!("{what}: {faults}"));
            assert_same(&what, &read, &expected);
            // At any address.
            let moved = Bytes::from([&[0xa5][..], &file].concat()).slice(1..);
            assert_same(&what, &StateDict::read(&moved).unwrap(), &expected);
        }
        let read = StateDict::read(&expected.clone().into()).unwrap();
        assert_same(name, &read, &expected);
    }
}

#[test]
fn the_form_is_told_by_the_content() {
    // The length of a safetensors header may begin like a pickle of protocol 2, or like a zip archive.
    for start in [[0x80, 2], [0x50, 0x4b]] {
        let length = usize::from(u16::from_le_bytes(start));
        let header = format!("{:length$}", r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#);
        let file = [&(length as u64).to_le_bytes()[..], header.as_bytes(), &1.5f32.to_le_bytes()].concat();
        assert_eq!(file[..2], start);
        let read = bounded_read("header", &file).unwrap();
        assert!(
            matches!(read.get("w"), Some(Entry::Float(tensor)) if tensor.data()[..] == [1.5]),
            "{read:?}"
        );
    }
}

#[test]
fn elements_in_order_are_not_copied() {
    use crate::encode::{dict, tensor, zip_of};
    let content = vec![0; 8 << 20];
    let file: Bytes = zip_of(
        &dict(&[("w", tensor("FloatStorage", "0", 2 << 20, 0, &[2 << 20], &[1]))]),
        &[("0", &content)],
    )
    .into();
    let (read, bytes) = peak(|| StateDict::read(&file).unwrap());
    assert!(bytes < 64 << 10, "{bytes}");
    assert_eq!(read.get("w").map(Entry::dims), Some(&[2 << 20][..]));
}

#[test]
fn entries_can_be_renamed() {
    let read = StateDict::read(&fixture("network.zip.pth").into()).unwrap();
    let renamed: StateDict =
        read.clone().into_iter().map(|(name, entry)| (format!("net.{name}"), entry)).collect();
    assert_eq!(renamed.len(), read.len());
    assert!(!renamed.is_empty() && renamed.get("fc.weight").is_none());
    assert_eq!(renamed.get("net.fc.weight"), read.get("fc.weight"));
}
