//! Operators of classifiers and detectors as PyTorch's exporters write them, on every back end, against PyTorch's
//! values: `tests/fixtures/onnx_operators`.

use crate::batch::RustBatch;
use crate::comparison::widen;
use crate::fixtures::{Tensors, read};
use crate::reference::{assert_near, conform};
use rexnet_ir::onnx::{ImportOptions, import};

/// The distance from PyTorch's values, in the output's range: sums of at most 54 products rounded to f32, and exp,
/// whose error in units of the last place is multiplied by softmax's arguments of up to 200.
const FROM_PYTORCH: f64 = 1e-5;

/// The distance from the f64 reference: the same roundings.
const FROM_REFERENCE: f64 = 1e-5;

const GROUPS: &[&str] = &[
    "activations",
    "arithmetic",
    "heads",
    "pools",
    "reductions",
    "resizes",
    "softmaxes",
    "transposed_convolutions",
];

#[test]
fn operators_of_onnx_are_those_of_pytorch() {
    let mut rust = RustBatch::default();
    for (group, exporter) in GROUPS.iter().flat_map(|group| ["script", "dynamo"].map(|by| (group, by))) {
        let name = format!("{group}_{exporter}");
        let file = read(&format!("onnx_operators/{name}.onnx"));
        let tensors = Tensors::read(&format!("onnx_operators/{name}.io.safetensors"));
        let mut none = |_: &str| Err(String::new());
        let graph = import(file, &mut none, &ImportOptions::with_batch(1))
            .unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let input = tensors.tensor("input");
        // Both exporters write the same operators: one is enough for the slow back end.
        let slow = (exporter == "dynamo").then_some(&mut rust);
        let agreed = conform(slow, &name, &graph, &[&input.data()], FROM_REFERENCE);
        for (output, actual) in graph.outputs().iter().zip(&agreed.outputs) {
            let expected = tensors.tensor(&output.name);
            assert_eq!(graph.node(output.node).ty.dims, expected.dims(), "{name}: {}", output.name);
            let what = format!("{name}: {}, PyTorch", output.name);
            assert_near(&what, &widen(actual), &widen(&expected.data()), FROM_PYTORCH);
        }
    }
    rust.finish();
}
