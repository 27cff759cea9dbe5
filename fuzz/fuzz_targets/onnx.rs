//! Any bytes as an ONNX model without external data: what is read verifies, or is refused.
#![no_main]

use rexnet_ir::onnx::{ImportOptions, import};

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let mut none = |_: &str| Err("there are no other files".to_owned());
    if let Ok(graph) = import(file.to_vec(), &mut none, &ImportOptions::with_batch(1)) {
        assert_eq!(graph.verify(), Ok(()));
    }
});
