//! ONNX models: written by the program, or byte by byte.

use crate::binary::{SMALL, rexnetc};
use std::path::Path;

/// Writes `SMALL`, weights drawn from the seed, as an ONNX model and as safetensors; returns both paths.
pub(crate) fn exported(directory: &Path, seed: &str) -> (String, String) {
    let to = directory.to_str().unwrap();
    rexnetc(&["compile", SMALL, "--seed", seed, "--emit", "onnx,safetensors", "-o", to]).exits(0);
    (format!("{to}/rexnet.onnx"), format!("{to}/rexnet.safetensors"))
}

/// A model of opset 17 in which each operator, named `node_0`, `node_1` …, takes the result of the one before; the
/// input `x` is f32 of the shape [N, 8, 4, 4] with a free N.
pub(crate) fn chain(operators: &[&str]) -> Vec<u8> {
    let nodes = operators.iter().enumerate().flat_map(|(index, operator)| {
        let input = if index == 0 { "x".to_owned() } else { format!("v{}", index - 1) };
        let (output, name) = (format!("v{index}"), format!("node_{index}"));
        field(1, &[text(1, &input), text(2, &output), text(3, &name), text(4, operator)].concat())
    });
    let last = format!("v{}", operators.len() - 1);
    let graph: Vec<u8> =
        nodes.chain(text(2, "chain")).chain(field(11, &port("x"))).chain(field(12, &port(&last))).collect();
    [number(1, 8), field(7, &graph), field(8, &number(2, 17))].concat()
}

fn port(name: &str) -> Vec<u8> {
    let extent = |extent: u8| field(1, &number(1, extent));
    let shape = [field(1, &text(2, "N")), extent(8), extent(4), extent(4)].concat();
    let tensor = [number(1, 1), field(2, &shape)].concat();
    [text(1, name), field(2, &field(1, &tensor))].concat()
}

fn text(tag: u8, text: &str) -> Vec<u8> {
    field(tag, text.as_bytes())
}

fn number(tag: u8, value: u8) -> Vec<u8> {
    vec![tag << 3, value]
}

/// A length-delimited field of at most 2^14 bytes.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    [&[tag << 3 | 2, length as u8 & 0x7f | 0x80, (length >> 7) as u8], content].concat()
}
