//! Weights from safetensors files (the format of the Hugging Face safetensors library, version 0.8).

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Location};
use crate::graph::{Encoding, Graph, Op, Tensor};
use bytes::Bytes;
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};

/// What a weights file held beside the tensors that were bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Tensors of the file that the network does not use; counters of training steps
    /// (`num_batches_tracked`) are not listed.
    pub unused: Vec<String>,
}

/// Binds every constant of the graph to the tensor of its name. Half-precision tensors are widened, f64 ones
/// rounded, whenever they are read: the graph keeps `file`, which need not be aligned, and copies nothing.
///
/// # Errors
/// All mismatches at once: `RX0301` when the file does not read, `RX0302` for each missing tensor, `RX0303` for
/// each wrong shape, `RX0304` for each element type that is not a float. The graph is unchanged then.
pub fn load(graph: &mut Graph, file: &Bytes) -> Result<Loaded, Diagnostics> {
    let tensors = SafeTensors::deserialize(file).map_err(|error| {
        Diagnostic::new(Code::WeightsFormat, Location::None, format!("the weights cannot be read: {error}"))
            .with_help("give a complete .safetensors file")
    })?;
    let needed: Vec<(String, Vec<usize>)> = graph
        .order()
        .into_iter()
        .map(|id| graph.node(id))
        .filter(|node| node.op == Op::Constant)
        .map(|node| (node.name.clone(), node.ty.dims.clone()))
        .collect();
    let mut faults = Diagnostics::default();
    let mut bound = Vec::with_capacity(needed.len());
    for (name, dims) in &needed {
        match tensors.tensor(name) {
            Err(_) => faults.push(missing(name, &tensors)),
            Ok(view) if view.shape() != dims => faults.push(
                Diagnostic::new(
                    Code::WeightsShape,
                    Location::Name(name.clone()),
                    format!("the file has shape {:?}, the network needs {dims:?}", view.shape()),
                )
                .with_help("check the width, the depth and the number of classes"),
            ),
            Ok(view) => match tensor_of(file, &view) {
                Some(tensor) => bound.push((name, tensor)),
                None => faults.push(
                    Diagnostic::new(
                        Code::WeightsType,
                        Location::Name(name.clone()),
                        format!("elements of type {:?} cannot be used as weights", view.dtype()),
                    )
                    .with_help("store the tensor as F32, F16 or BF16"),
                ),
            },
        }
    }
    faults.into_result(())?;
    for (name, tensor) in bound {
        graph.edit().bind(name, tensor)?;
    }
    let mut unused: Vec<String> = tensors
        .names()
        .into_iter()
        .filter(|name| graph.constant(name).is_none() && !name.ends_with("num_batches_tracked"))
        .map(str::to_owned)
        .collect();
    unused.sort_unstable();
    Ok(Loaded { unused })
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

/// The graph's constants with their tensors, in the graph's order.
///
/// # Errors
/// `RX0302` for each constant without a tensor.
pub fn bound(graph: &Graph) -> Result<Vec<(&str, &Tensor)>, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut tensors = Vec::new();
    for node in graph.order().into_iter().map(|id| graph.node(id)).filter(|node| node.op == Op::Constant) {
        match graph.constant(&node.name) {
            Some(tensor) => tensors.push((node.name.as_str(), tensor)),
            None => faults.push(
                Diagnostic::new(
                    Code::WeightsMissing,
                    Location::Name(node.name.clone()),
                    "the constant has no tensor",
                )
                .with_help("give weights, or seed them"),
            ),
        }
    }
    faults.into_result(tensors)
}

fn missing(name: &str, tensors: &SafeTensors<'_>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        Code::WeightsMissing,
        Location::Name(name.to_owned()),
        "the file has no tensor of this name",
    );
    let alike = |other: &str| {
        let prefix = other.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        let suffix = other.bytes().rev().zip(name.bytes().rev()).take_while(|(a, b)| a == b).count();
        (prefix + suffix).min(name.len())
    };
    let nearest = tensors
        .names()
        .into_iter()
        .filter(|other| 2 * alike(other) >= name.len())
        .max_by_key(|other| (alike(other), std::cmp::Reverse((*other).to_owned())));
    match nearest {
        Some(nearest) => diagnostic.with_help(format!("the nearest name in the file is {nearest}")),
        None => diagnostic.with_help("the weights seem to belong to another network"),
    }
}

/// The tensor where it lies in the file; `None` when its elements are no floats.
fn tensor_of(file: &Bytes, view: &TensorView<'_>) -> Option<Tensor> {
    let encoding = match view.dtype() {
        Dtype::F32 => Encoding::F32,
        Dtype::F64 => Encoding::F64,
        Dtype::F16 => Encoding::F16,
        Dtype::BF16 => Encoding::Bf16,
        _ => return None,
    };
    Tensor::stored(view.shape(), file.slice_ref(view.data()), encoding)
}
