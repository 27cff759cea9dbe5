//! Any bytes as a compiled network: refused, or, where the checksum agrees, read whole. Nothing of it is run.
#![no_main]

use rexnet_codegen::emit::image::Image;

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    let _ = Image::read(&file.to_vec().into());
});
