//! Looking at intermediate values changes nothing, and shows what the reference says.

use crate::backends::run_everywhere;
use crate::batch::RustBatch;
use crate::comparison::{assert_same_bits, widen};
use crate::inputs;
use crate::reference::assert_near;
use rexnet_codegen::driver::{Request, Taps, Weights, compile};
use rexnet_ir::graph::Op;
use rexnet_ir::reference::evaluate;

/// The distance from the f64 reference, in the range of each value: that of a whole network, since errors add up
/// from layer to layer.
const TOLERANCE: f64 = 1e-4;

/// 8 classes, so that the last layer's result is an output as it is; 10, so that it is converted.
#[test]
fn every_node_tapped_is_the_reference() {
    let mut rust = RustBatch::default();
    for classes in [8, 10] {
        let spec = format!("rexnet(width = 0.25, depth = 0.5, size = 33, classes = {classes})");
        let source = compile(Request::new(&spec, Weights::Seeded(3))).unwrap().source;
        let data = inputs::for_graph(&source);
        let inputs = inputs::borrow(&data);
        let plain = run_everywhere(Some(&mut rust), "without taps", &source, &inputs, &Taps::None);
        let tapped = run_everywhere(Some(&mut rust), "with taps", &source, &inputs, &Taps::All);
        assert_same_bits("the output", &tapped.outputs[0], &plain.outputs[0]);

        let reference = evaluate(&tapped.graph, &inputs).unwrap();
        let outputs = tapped.graph.outputs();
        assert_eq!(outputs.len(), tapped.outputs.len());
        for (output, actual) in outputs.iter().zip(&tapped.outputs) {
            let expected = &reference[&output.node];
            assert_near(&output.name, &widen(actual), &expected.data, TOLERANCE);
        }
        for id in plain.graph.order() {
            let node = plain.graph.node(id);
            let computed = !matches!(node.op, Op::Input | Op::Constant | Op::Relayout(_));
            let seen = outputs.iter().any(|output| output.name == node.name);
            assert!(seen || !computed, "{} is not tapped", node.name);
        }
    }
    rust.finish();
}
