//! Writes a network with seeded weights as an ONNX file, as it is or with everything fused that the passes fuse:
//!
//! ```text
//! cargo run --example export_onnx -- "rexnet(width = 0.5, size = 64)" 1 source rexnet.onnx
//! ```

use rexnet_ir::{onnx, passes, spec, weights};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [spec, seed, stage, path] = arguments.as_slice() else {
        return Err("four arguments are needed: a spec, a seed, source or fused, and an output file".into());
    };
    let mut graph = spec::expand(&spec::parse_network(spec)?, 1)?;
    weights::seed(&mut graph, seed.parse()?)?;
    if stage == "fused" {
        passes::run_logical(&mut graph)?;
    }
    std::fs::write(path, onnx::export(&graph)?)?;
    Ok(())
}
