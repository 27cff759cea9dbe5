//! Any bytes as weights of a small network.
#![no_main]

use rexnet_ir::graph::{Graph, parse};
use rexnet_ir::weights::load;
use std::sync::LazyLock;

static NETWORK: LazyLock<Graph> = LazyLock::new(|| {
    let text = "graph @g {
        %0 = input() @x : f32[1,2] nchw
        %1 = constant() @w : f32[2,2] nchw
        %2 = dense(%0, %1) @y : f32[1,2] nchw
        output @y = %2
    }";
    parse(text).expect("the text is a graph")
});

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let mut network = NETWORK.clone();
    assert_eq!(load(&mut network, None, &file.to_vec().into()).is_ok(), network.constant("w").is_some());
});
