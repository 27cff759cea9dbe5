//! Operators and wirings that no fusion covers, as graph texts: moves of elements, broadcasts, pools, several
//! inputs and outputs, outputs that are inputs.

use crate::batch::RustBatch;
use crate::inputs;
use crate::reference::conform;
use rexnet_ir::graph;
use rexnet_ir::weights::seed;
use std::path::Path;

/// The distance from the f64 reference, in the output's range: a few roundings to f32.
const TOLERANCE: f64 = 1e-6;

#[test]
fn every_file_of_the_run_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/run");
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    let mut rust = RustBatch::default();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut graph = graph::parse(&text).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        seed(&mut graph, 11).unwrap();
        let data = inputs::for_graph(&graph);
        conform(Some(&mut rust), &name, &graph, &inputs::borrow(&data), TOLERANCE);
    }
    rust.finish();
}
