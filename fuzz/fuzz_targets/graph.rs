//! Any text as a graph: what is read verifies, and comes back from its own text.
#![no_main]

use rexnet_ir::graph::parse;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(graph) = parse(text) {
        let printed = graph.to_string();
        assert_eq!(parse(&printed).map(|graph| graph.to_string()), Ok(printed));
    }
});
