//! NaN and infinity travel through every kernel as the definition says, and nowhere else.

use crate::batch::RustBatch;
use crate::inputs;
use crate::reference::conform;
use rexnet_ir::graph;
use rexnet_ir::weights::seed;
use std::path::Path;

/// The distance from the f64 reference, in the range of the finite elements: a few roundings to f32.
const TOLERANCE: f64 = 2e-6;

/// The graphs of the run folder with one element of the first input replaced.
#[test]
fn special_values_reach_what_depends_on_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/run");
    let mut rust = RustBatch::optimised();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut graph = graph::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        seed(&mut graph, 11).unwrap();
        for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, -0.0] {
            let mut data = inputs::for_graph(&graph);
            let middle = data[0].len() / 2;
            data[0][middle] = special;
            let what = format!("{} with {special}", path.file_stem().unwrap().to_string_lossy());
            conform(Some(&mut rust), &what, &graph, &inputs::borrow(&data), TOLERANCE);
        }
    }
    rust.finish();
}
