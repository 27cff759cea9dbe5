//! Any bytes as a photograph: refused, or an image of as many pixels as it says, which becomes a network's input.
#![no_main]

use rexnet::image::{decode, prepare};

use rexnet_ir::spec::parse_preprocessing;
use rexnet_ir::spec::preprocessing::Preprocessing;
use std::sync::LazyLock;

/// The two geometries, which together use all of the arithmetic of sizes.
static FIELDS: LazyLock<[Preprocessing; 2]> = LazyLock::new(|| {
    ["resize_then_crop(36), interpolation: bicubic", "crop_then_resize(0.875), interpolation: bilinear"].map(
        |geometry| {
            let fields = format!("{{ geometry: {geometry}, scale: 255, mean: [0, 0, 0], std: [1, 1, 1] }}");
            parse_preprocessing(&fields, [3, 32, 32]).expect("the fields are well formed")
        },
    )
});

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let Ok(image) = decode(file) else { return };
    assert_eq!(image.pixels().len(), 3 * image.width() * image.height());
    // A second of work for optimised code is more than ten for this.
    if image.width() * image.height() > 1 << 24 {
        return;
    }
    for fields in &*FIELDS {
        if let Ok(input) = prepare(&image, fields, 32, 32) {
            assert!(input.iter().all(|value| (0.0..=1.0).contains(value)));
        }
    }
});
