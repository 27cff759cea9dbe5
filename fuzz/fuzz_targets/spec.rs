//! Any text as a spec: what is read expands to a graph that verifies, and is a module of PyTorch, or is refused.
#![no_main]

use rexnet_ir::spec::{expand, parse_network, pytorch};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(network) = parse_network(text)
        && let Ok(graph) = expand(&network, 1)
    {
        assert_eq!(graph.verify(), Ok(()));
        assert!(pytorch(&network).is_ok());
    }
});
