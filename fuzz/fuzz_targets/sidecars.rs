//! Any text as what lies beside a model: `.preprocess` and `.labels`.
#![no_main]

use rexnet::labels;
use rexnet_ir::spec::parse_preprocessing;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let _ = parse_preprocessing(text, [3, 224, 224]);
    let classes = text.lines().count();
    if let Ok(labels) = labels::parse(text, classes) {
        assert_eq!(labels.len(), classes);
    }
});
