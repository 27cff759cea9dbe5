//! The `.rxw` file comes back as it was, and nothing else is taken for one.

use crate::comparison::assert_same_bits;
use rexnet_codegen::driver::{Compilation, Request, Weights, compile};
use rexnet_codegen::plan::PackedWeights;
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::Code;

fn network(width: &str) -> Compilation {
    let spec = format!("rexnet(width = {width}, depth = 0.3, size = 32, classes = 10)");
    compile(Request::new(&spec, Weights::Seeded(5))).unwrap()
}

fn assert_refused(what: &str, file: &[u8], network: &Compilation) {
    let fault = PackedWeights::from_rxw(file.to_vec(), &network.program).map(|_| ()).expect_err(what);
    assert_eq!(fault.code, Code::PackedHeader, "{what}: {fault}");
}

#[test]
fn round_trip() {
    let network = network("0.25");
    let file = network.weights.to_rxw();
    let read = PackedWeights::from_rxw(file.clone(), &network.program).unwrap();
    assert_same_bits("the blob", read.as_slice(), network.weights.as_slice());
    assert_eq!(read.layout_hash(), network.program.layout_hash);
    assert_eq!(read.as_slice().as_ptr().align_offset(64), 0);
    assert_eq!(read.to_rxw(), file);
}

#[test]
fn weights_of_another_network_are_refused() {
    assert_refused("another width", &network("0.2").weights.to_rxw(), &network("0.25"));
}

#[test]
fn damaged_files_are_refused() {
    let network = network("0.25");
    let file = network.weights.to_rxw();
    for length in [0, 1, 8, 63, 64, 65, file.len() / 2, file.len() - 4, file.len() - 1] {
        assert_refused(&format!("the first {length} bytes"), &file[..length], &network);
    }
    assert_refused("a byte more", &[&file[..], &[0]].concat(), &network);
    // Every byte of the header that means something, and some of the content.
    let header = 0..40;
    for at in header.chain((64..file.len()).step_by(9973)).chain([file.len() - 1]) {
        for flip in [1, 0x80] {
            let mut damaged = file.clone();
            damaged[at] ^= flip;
            assert_refused(&format!("byte {at} ^ {flip}"), &damaged, &network);
        }
    }
}

/// The same program and the same weights, whether they come named or packed, aligned or not.
#[test]
fn packed_weights_take_the_place_of_named_ones() {
    let spec = "rexnet(width = 0.25, depth = 0.3, size = 32, classes = 10)";
    let named = compile(Request::new(spec, Weights::Seeded(5))).unwrap();
    let file = named.weights.to_rxw();
    for offset in [0, 4, 64] {
        let mut moved = vec![0; file.len() + 128];
        let start = moved.as_ptr().align_offset(64) + offset;
        moved[start..start + file.len()].copy_from_slice(&file);
        let moved = Bytes::from(moved).slice(start..start + file.len());
        let packed = compile(Request::new(spec, Weights::Packed(moved.clone()))).unwrap();
        assert_eq!(packed.program, named.program);
        assert_same_bits("the blob", packed.weights.as_slice(), named.weights.as_slice());
        let kept = packed.weights.as_slice().as_ptr().addr() == moved.as_ptr().addr() + 64;
        assert_eq!(kept, offset % 64 == 0, "kept in place exactly where the file is aligned");
        assert_eq!(packed.weights.as_slice().as_ptr().align_offset(64), 0);
        assert_eq!(packed.require_weights().unwrap_err().code, Code::WeightsMissing);
    }
    named.require_weights().unwrap();
    let other = compile(Request::new(spec.replace("0.25", "0.2").as_str(), Weights::packed(file)));
    assert_eq!(other.unwrap_err().list[0].code, Code::PackedHeader);
}
