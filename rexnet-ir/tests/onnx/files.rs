//! The fixtures that `make_onnx.py` and `make_onnx_export.py` made, and comparison with their answers.

use rexnet_ir::graph::{Graph, Op, Tensor};
use rexnet_ir::onnx::{ImportOptions, import};
use rexnet_ir::spec;
use rexnet_ir::weights;
use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What "the same result" means: within this part of the output's range.
const TOLERANCE: f64 = 1e-4;

/// A file below `tests/fixtures/onnx`.
pub(crate) fn read(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/onnx").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of a JSON file.
pub(crate) fn rows(name: &str) -> Vec<Value> {
    serde_json::from_slice(&read(name)).unwrap()
}

/// A tensor of a safetensors file.
pub(crate) fn tensor(file: &[u8], name: &str) -> Tensor {
    let tensors = SafeTensors::deserialize(file).unwrap();
    let view = tensors.tensor(name).unwrap();
    assert_eq!(view.dtype(), safetensors::Dtype::F32);
    let data: Vec<f32> = view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Tensor::new(view.shape(), data).unwrap()
}

/// The graph of a file beside the fixtures.
pub(crate) fn imported(file: &[u8], batch: usize) -> Graph {
    let mut external = |name: &str| Ok(read(name).into());
    import(file.to_vec(), &mut external, &ImportOptions::with_batch(batch))
        .unwrap_or_else(|faults| panic!("{faults}"))
}

/// The graph of a spec, with seeded weights.
pub(crate) fn seeded(text: &str, batch: usize, seed: u64) -> Graph {
    let network = spec::parse_network(text).unwrap_or_else(|faults| panic!("{text}: {faults}"));
    let mut graph = spec::expand(&network, batch).unwrap();
    weights::seed(&mut graph, seed).unwrap();
    graph
}

/// How many nodes of each kind there are, constants and inputs apart.
pub(crate) fn kinds(graph: &Graph) -> BTreeMap<String, u64> {
    let mut kinds = BTreeMap::new();
    for id in graph.order() {
        let op = &graph.node(id).op;
        if !matches!(op, Op::Input | Op::Constant) {
            *kinds.entry(op.name().to_owned()).or_default() += 1;
        }
    }
    kinds
}

fn class_of(logits: &[f64]) -> usize {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap()
}

/// Both outputs are the same within [`TOLERANCE`], and so is the class of each row.
pub(crate) fn assert_near(what: &str, actual: &[f64], expected: &[f64], classes: usize) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let bound = |pick: fn(f64, f64) -> f64| expected.iter().copied().reduce(pick).unwrap();
    let range = bound(f64::max) - bound(f64::min);
    for (at, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!(
            (a - e).abs() <= TOLERANCE * range,
            "{what}: element {at} is {a}, not {e}; the range is {range}"
        );
    }
    for (a, e) in actual.chunks(classes).zip(expected.chunks(classes)) {
        assert_eq!(class_of(a), class_of(e), "{what}");
    }
}

/// f32 as f64.
pub(crate) fn widen(data: &[f32]) -> Vec<f64> {
    data.iter().map(|&x| f64::from(x)).collect()
}
