//! Any text as a spec: what is read expands to a graph that verifies, or is refused.
#![no_main]

use rexnet_ir::spec::{expand, parse_network};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(network) = parse_network(text)
        && let Ok(graph) = expand(&network, 1)
    {
        assert_eq!(graph.verify(), Ok(()));
    }
});
