//! Any bytes as a `.rxw` file, also behind the header of a good one: only the good one is taken.
#![no_main]

use rexnet_codegen::driver::{Compilation, Request, Weights, compile};
use rexnet_codegen::plan::PackedWeights;
use std::sync::LazyLock;

static NETWORK: LazyLock<(Compilation, Vec<u8>)> = LazyLock::new(|| {
    let spec = "rexnet(width = 0.1, depth = 0.1, size = 32, classes = 2)";
    let network = compile(Request::new(spec, Weights::Seeded(0))).expect("the spec is a network");
    let file = network.weights.to_rxw();
    (network, file)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (network, good) = &*NETWORK;
    let behind_header = [&good[..64], bytes].concat();
    for file in [bytes, &behind_header] {
        let taken = PackedWeights::from_rxw(file.to_vec(), &network.program).is_ok();
        assert_eq!(taken, file == good);
    }
});
