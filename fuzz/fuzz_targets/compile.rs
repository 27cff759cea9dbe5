//! Anything through the whole compiler, as graph text, spec or ONNX model: a program (machine code, with the
//! feature `machine`), or coded faults.
#![no_main]

use rexnet_codegen::driver::{Compilation, Request, Weights, compile};
#[cfg(feature = "machine")]
use rexnet_codegen::emit::machine::Tier;
use rexnet_codegen::run::MachineCode;
use rexnet_ir::graph::{Graph, parse};
use rexnet_ir::onnx::{ImportOptions, import};
use rexnet_ir::spec::{expand, parse_network};
use rexnet_ir::weights;

/// The most elements of all tensors, and the most nodes: the target's time goes into many small graphs.
const MOST_ELEMENTS: usize = 1 << 16;
const MOST_NODES: usize = 64;

fn read(bytes: &[u8]) -> Option<Graph> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return match parse(text) {
            Ok(graph) => Some(graph),
            Err(_) => parse_network(text).and_then(|network| expand(&network, 1)).ok(),
        };
    }
    let mut none = |_: &str| Err("there are no other files".to_owned());
    import(bytes.to_vec(), &mut none, &ImportOptions::with_batch(1)).ok()
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some(mut graph) = read(bytes) else { return };
    let elements = |id| graph.node(id).ty.stored_elements();
    let all = graph.order().into_iter().map(elements).fold(0, usize::saturating_add);
    if all > MOST_ELEMENTS || graph.len() > MOST_NODES {
        return;
    }
    weights::seed(&mut graph, 1).expect("a verified graph takes weights");
    if let Ok(Compilation { graph, program, weights, .. }) = compile(Request::new(graph, Weights::Own)) {
        assert_eq!(graph.verify(), Ok(()));
        assert_eq!(weights.as_slice().len() * 4, program.weight_bytes);
        #[cfg(feature = "machine")]
        MachineCode::compile(&program, Tier::best_here()).expect("every kernel compiles");
    }
});
