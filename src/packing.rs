//! Packed weights for networks that are compiled already.

use rexnet_codegen::driver::{self, Request, Weights};
use rexnet_ir::Bytes;
use rexnet_ir::diagnostic::Diagnostics;

/// The packed weights of a network, the content of a `.rxw` file, from those of a safetensors file or a PyTorch
/// checkpoint under timm's names (a `Vec<u8>` or a `&'static [u8]`): what `rexnetc pack` writes and `from_packed` of a type made by [`network!`](crate::network) takes.
///
/// # Errors
/// Those of the spec, `RX0301` to `RX0310` for the weights.
pub fn pack(spec: &str, file: impl Into<Bytes>) -> Result<Vec<u8>, Diagnostics> {
    let compilation = driver::compile(Request::new(spec, Weights::file(file)))?;
    Ok(compilation.weights.to_rxw())
}
