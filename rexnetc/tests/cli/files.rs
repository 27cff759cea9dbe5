//! Tensors: the fixtures that PyTorch made, `.npy` files, altered weights.

use crate::binary::{file, root};
use rexnet_ir::spec::PRESETS;
use safetensors::SafeTensors;
use std::path::Path;

/// A `.npy` file of format 1.0 with any header.
pub(crate) fn npy(header: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(content);
    bytes
}

/// The header of an f32 array.
pub(crate) fn header(shape: &[usize]) -> String {
    let shape: String = shape.iter().map(|dim| format!("{dim}, ")).collect();
    format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n")
}

/// Little-endian f32.
pub(crate) fn bytes_of(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// The elements of a `.npy` file that the program wrote, and its header.
pub(crate) fn read_npy(path: &str) -> (String, Vec<f32>) {
    let bytes = std::fs::read(path).unwrap();
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8(bytes[10..10 + length].to_vec()).unwrap();
    let values =
        bytes[10 + length..].as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect();
    (header, values)
}

/// A network with weights, input and PyTorch's output.
pub(crate) struct Fixture {
    pub(crate) net: String,
    pub(crate) weights: String,
    pub(crate) input: String,
    pub(crate) expected: String,
}

/// Writes input and output of a fixture as `.npy`, and its spec if it is no preset call.
pub(crate) fn fixture(directory: &Path, name: &str) -> Fixture {
    let (weights, net) = match name {
        "rexnet_narrow" => (name, "rexnet(width = 0.25, size = 64, classes = 10)".to_owned()),
        "efficientnet_lite0_narrow" => {
            (name, "efficientnet_lite0(width = 0.25, size = 64, classes = 10)".to_owned())
        }
        "rexnet_batch2" => {
            let edits = [("[3, size, size]", "[3, 33, 47]"), ("width = 1.0", "width = 0.25")];
            ("rexnet_narrow", file(directory, "batch2.rexnet", edited("rexnet", &edits)))
        }
        "rexnet_no_se" => {
            let gate = ("present: [false, false, true, true, true, true]", "present: false");
            let edits = [("size = 224", "size = 32"), ("width = 1.0", "width = 0.2"), gate];
            (name, file(directory, "no_se.rexnet", edited("rexnet", &edits)))
        }
        other => panic!("there is no fixture {other}"),
    };
    let networks = root().join("tests/fixtures/networks");
    let content = std::fs::read(networks.join(format!("{name}.io.safetensors"))).unwrap();
    let tensors = SafeTensors::deserialize(&content).unwrap();
    let write = |tensor: &str| {
        let view = tensors.tensor(tensor).unwrap();
        file(directory, &format!("{name}.{tensor}.npy"), npy(&header(view.shape()), view.data()))
    };
    let weights = networks.join(format!("{weights}.safetensors")).into_os_string().into_string().unwrap();
    Fixture { net, weights, input: write("input"), expected: write("output") }
}

fn edited(preset: &str, edits: &[(&str, &str)]) -> String {
    let preset = PRESETS.iter().find(|other| other.name == preset).unwrap();
    let mut text = preset.source.replace("classes = 1000", "classes = 10");
    for (old, new) in edits {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    text
}

/// A copy of a weights file in which a tensor has another name.
pub(crate) fn renamed(weights: &str, old: &str, new: &str) -> Vec<u8> {
    let content = std::fs::read(weights).unwrap();
    let tensors = SafeTensors::deserialize(&content).unwrap();
    let rename = |name: String| if name == old { new.to_owned() } else { name };
    safetensors::serialize(tensors.tensors().into_iter().map(|(name, view)| (rename(name), view)), None)
        .unwrap()
}

/// A copy of a weights file in which the first element of a tensor is another number.
pub(crate) fn corrupted(weights: &str, name: &str, value: f32) -> Vec<u8> {
    let content = std::fs::read(weights).unwrap();
    let tensor = SafeTensors::deserialize(&content).unwrap().tensor(name).unwrap().data().as_ptr();
    let at = tensor as usize - content.as_ptr() as usize;
    let mut altered = content;
    altered[at..at + 4].copy_from_slice(&value.to_le_bytes());
    altered
}
