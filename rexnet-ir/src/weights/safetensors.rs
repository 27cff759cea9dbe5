//! Safetensors files in and out (the format of the Hugging Face safetensors library, version 0.8).

use super::{Entry, StateDict, bound};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use crate::file_kind::FileKind;
use crate::graph::{Encoding, Graph, Tensor};
use bytes::Bytes;
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};

/// The tensors of a file, which lie in it.
///
/// # Errors
/// `RX0301` when the file does not read.
pub(super) fn read(file: &Bytes) -> Result<StateDict, Diagnostic> {
    const READ: &str = "give a complete .safetensors file, or a PyTorch checkpoint (.pth, .pt)";
    let unreadable = |error: &dyn std::fmt::Display| {
        Diagnostic::new(Code::WeightsFormat, Location::None, format!("the weights cannot be read: {error}"))
            .with_help(READ)
    };
    let tensors = SafeTensors::deserialize(file).map_err(|error| match FileKind::of(file) {
        Some(kind) if !kind.what.contains("safetensors") => {
            let cause = format!("the weights cannot be read: this is {}", kind.what);
            Diagnostic::new(Code::WeightsFormat, Location::None, cause)
                .with_help(format!("{READ}; or {}", kind.way_out))
        }
        _ => unreadable(&error),
    })?;
    tensors
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let entry =
                entry(file, &view).ok_or_else(|| unreadable(&"the extents of a tensor are too large"))?;
            Ok((name, entry))
        })
        .collect()
}

fn entry(file: &Bytes, view: &TensorView<'_>) -> Option<Entry> {
    let encoding = match view.dtype() {
        Dtype::F32 => Encoding::F32,
        Dtype::F64 => Encoding::F64,
        Dtype::F16 => Encoding::F16,
        Dtype::BF16 => Encoding::Bf16,
        other => return Some(Entry::Other { dims: view.shape().to_vec(), element: format!("{other:?}") }),
    };
    Tensor::stored(view.shape(), file.slice_ref(view.data()), encoding).map(Entry::Float)
}

/// The names of classes that a weights file has in its metadata under `labels`, one a line; `None` where it has none or is
/// no safetensors file.
pub fn labels(file: &Bytes) -> Option<String> {
    let (_, metadata) = SafeTensors::read_metadata(file).ok()?;
    metadata.metadata().as_ref()?.get("labels").cloned()
}

/// The graph's constants as a file of F32 tensors under their names, always the same bytes for the same graph.
///
/// # Errors
/// `RX0302` for each constant without a tensor.
pub fn to_safetensors(graph: &Graph) -> Result<Vec<u8>, Diagnostics> {
    let tensors: Vec<(&str, &[usize], Vec<u8>)> = bound(graph)?
        .into_iter()
        .map(|(name, tensor)| {
            (name, tensor.dims(), tensor.data().iter().flat_map(|x| x.to_le_bytes()).collect())
        })
        .collect();
    let unwritable = |error| {
        Diagnostic::new(
            Code::WeightsFormat,
            Location::None,
            format!("the weights cannot be written: {error}"),
        )
    };
    let views: Vec<(&str, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, dims, bytes)| Ok((*name, TensorView::new(Dtype::F32, dims.to_vec(), bytes)?)))
        .collect::<Result<_, _>>()
        .map_err(unwritable)?;
    Ok(serialize(views, None).map_err(unwritable)?)
}
