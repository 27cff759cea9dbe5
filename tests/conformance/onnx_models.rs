//! Models as people's files hold them, on every back end, against ONNX Runtime's values: `tests/fixtures/onnx_models`.

use crate::batch::RustBatch;
use crate::comparison::widen;
use crate::fixtures::{Tensors, read};
use crate::reference::{assert_near, conform};
use rexnet_ir::onnx::{ImportOptions, import};

/// The distance from ONNX Runtime's values and from the f64 reference, in the output's range: sums of some dozens of
/// products rounded to f32 on both sides.
const TOLERANCE: f64 = 1e-5;

const MODELS: &[&str] = &["resize_declared", "resize_row", "resizes", "resizes_old"];

#[test]
fn models_of_the_field_are_those_of_onnx_runtime() {
    let mut rust = RustBatch::default();
    for name in MODELS {
        let file = read(&format!("onnx_models/{name}.onnx"));
        let tensors = Tensors::read(&format!("onnx_models/{name}.io.safetensors"));
        let mut none = |_: &str| Err(String::new());
        let graph = import(file, &mut none, &ImportOptions::with_batch(1))
            .unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let input = tensors.tensor("x");
        let agreed = conform(Some(&mut rust), name, &graph, &[&input.data()], TOLERANCE);
        for (output, actual) in graph.outputs().iter().zip(&agreed.outputs) {
            let expected = tensors.tensor(&output.name);
            let what = format!("{name}: {}", output.name);
            assert_eq!(graph.node(output.node).ty.dims, expected.dims(), "{what}");
            assert_near(&what, &widen(actual), &widen(&expected.data()), TOLERANCE);
        }
    }
    rust.finish();
}
