//! ONNX Runtime runs what we export, and computes what the reference computes.

use crate::files::{assert_near, imported, rows, seeded};
use rexnet_ir::onnx::export;
use rexnet_ir::passes;
use rexnet_ir::reference::evaluate_outputs;

/// The input of `make_onnx_export.py`.
fn image(length: usize) -> Vec<f32> {
    let element = |i: u64| ((i * 2_654_435_761 % (1 << 32)) >> 8) as f32 / (1 << 23) as f32 - 1.0;
    (0..length as u64).map(element).collect()
}

#[test]
fn onnx_runtime_agrees_with_the_reference() {
    let rows = rows("ort_outputs.json");
    assert_eq!(rows.len(), 3);
    for row in rows {
        let spec = row["spec"].as_str().unwrap();
        let shape: Vec<usize> =
            row["input"].as_array().unwrap().iter().map(|extent| extent.as_u64().unwrap() as usize).collect();
        let expected: Vec<f64> =
            row["output"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        let image = image(shape.iter().product());
        let mut graph = seeded(spec, 1, row["seed"].as_u64().unwrap());
        let back = imported(&export(&graph).unwrap(), 1);
        for (what, graph) in [("exported", &back), ("source", &graph)] {
            let actual = evaluate_outputs(graph, &[&image]).unwrap();
            assert_near(&format!("{spec}, {what}"), &actual[0].data, &expected, expected.len());
        }
        passes::run_logical(&mut graph).unwrap();
        let fused = imported(&export(&graph).unwrap(), 1);
        let actual = evaluate_outputs(&fused, &[&image]).unwrap();
        assert_near(&format!("{spec}, fused"), &actual[0].data, &expected, expected.len());
    }
}
