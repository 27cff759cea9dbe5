//! Any bytes as a checkpoint, and as the object inside of one with a storage: what is read can be used.
#![no_main]

use rexnet_ir::Bytes;
use rexnet_ir::weights::{Entry, StateDict};

/// What comes before the object in files of PyTorch before 1.6.
const START: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02";
/// The list of one storage, and the 16 bytes of its elements, which are floats of 4 bytes.
const END: &[u8] = b"\x80\x02](X\x01\0\0\x000e.\x04\0\0\0\0\0\0\0abcdefghijklmnop";

fn exercise(file: Bytes) {
    let Ok(weights) = StateDict::read(&file) else { return };
    for (_, entry) in weights.iter() {
        if let Entry::Float(tensor) = entry {
            assert_eq!(tensor.data().len(), tensor.dims().iter().product::<usize>());
        }
    }
}

libfuzzer_sys::fuzz_target!(|file: &[u8]| {
    exercise(Bytes::copy_from_slice(file));
    exercise([START, file, END].concat().into());
});
