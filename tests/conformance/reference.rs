//! What it means that all back ends are right.

use crate::backends::{Agreed, run_everywhere};
use crate::batch::RustBatch;
use crate::comparison::{assert_within, range, widen};
use rexnet_codegen::driver::Taps;
use rexnet_ir::graph::Graph;
use rexnet_ir::reference::evaluate_outputs;

/// [`run_everywhere`], and asserts that each output lies within `tolerance` of its range from the f64 reference
/// of the graph as it is and of the graph after the passes.
pub(crate) fn conform(
    rust: Option<&mut RustBatch>,
    what: &str,
    graph: &Graph,
    inputs: &[&[f32]],
    tolerance: f64,
) -> Agreed {
    let agreed = run_everywhere(rust, what, graph, inputs, &Taps::None);
    for (stage, graph) in [("source", graph), ("optimised", &agreed.graph)] {
        let reference = evaluate_outputs(graph, inputs).unwrap_or_else(|name| panic!("{what}: {name}"));
        for (actual, expected) in agreed.outputs.iter().zip(&reference) {
            assert_near(&format!("{what}, {stage} reference"), &widen(actual), &expected.data, tolerance);
        }
    }
    agreed
}

/// Asserts that each element lies within `tolerance` times the range of `expected` from its counterpart.
/// Infinities and NaNs have to be met exactly and do not count for the range; a constant's range is its
/// magnitude.
pub(crate) fn assert_near(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    let bound = tolerance * range(expected);
    assert_within(what, actual, expected, |_| bound);
}
