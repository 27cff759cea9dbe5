//! Any text as a kernel: what verifies comes back from its own text.
#![no_main]

use rexnet_codegen::loops::{parse, verify};

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(kernel) = parse(text)
        && verify(&kernel).is_ok()
    {
        assert_eq!(parse(&kernel.to_string()), Ok(kernel));
    }
});
