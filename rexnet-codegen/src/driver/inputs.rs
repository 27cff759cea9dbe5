//! What a compilation starts from.

use crate::target::Target;
use rexnet_ir::Bytes;
use std::path::Path;

/// A description of a network.
#[derive(Clone, Debug)]
pub enum Source<'a> {
    /// A preset call such as `rexnet(width = 1.0)`, or the text of a `.rexnet` file.
    Spec(&'a str),
    /// An ONNX model.
    Onnx {
        /// The content of the file. The compiled network shares it.
        file: Bytes,
        /// The folder that external data is read from; none is read without.
        folder: Option<&'a Path>,
    },
}

impl Source<'_> {
    /// An ONNX model without external data: a `Vec<u8>`, a `&'static [u8]`, or [`Bytes`] of a memory map.
    pub fn onnx(file: impl Into<Bytes>) -> Self {
        Source::Onnx { file: file.into(), folder: None }
    }
}

impl<'a> From<&'a str> for Source<'a> {
    fn from(spec: &'a str) -> Self {
        Source::Spec(spec)
    }
}

impl<'a> From<&'a String> for Source<'a> {
    fn from(spec: &'a String) -> Self {
        Source::Spec(spec)
    }
}

/// Where the weights come from.
#[derive(Clone, Debug)]
pub enum Weights {
    /// The content of a file under the network's names (timm's): safetensors or a PyTorch checkpoint, as
    /// [`StateDict::read`](rexnet_ir::weights::StateDict::read) tells them apart. The compiled network shares it.
    File(Bytes),
    /// The content of a `.rxw` file that was packed for this network. It is not copied where it is aligned to 64 bytes,
    /// as a memory map is. The order in it is that of the kernels, so the graphs of the [`Compilation`](super::Compilation)
    /// do not have these weights; see [`Compilation::require_weights`](super::Compilation::require_weights).
    Packed(Bytes),
    /// Drawn from a seed where the source brings none, for measuring and testing. An ONNX model brings its own.
    Seeded(u64),
    /// Zeros where the source brings none: for who needs the code alone, and soon.
    Zeros,
}

impl Weights {
    /// Those of a safetensors file or a PyTorch checkpoint: a `Vec<u8>`, a `&'static [u8]`, or [`Bytes`] of a memory map.
    pub fn file(file: impl Into<Bytes>) -> Self {
        Weights::File(file.into())
    }

    /// Those of a `.rxw` file: a `Vec<u8>`, a `&'static [u8]`, or [`Bytes`] of a memory map.
    pub fn packed(file: impl Into<Bytes>) -> Self {
        Weights::Packed(file.into())
    }
}

/// Which intermediate values become outputs too, after the network's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Taps {
    /// None.
    #[default]
    None,
    /// Those of these nodes of the optimised graph, such as `features.3`.
    Named(Vec<String>),
    /// Those of all nodes of the optimised graph.
    All,
}

/// How to compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Images in one run.
    pub batch: usize,
    /// Height and width of the inputs; those of the source without.
    pub size: Option<[usize; 2]>,
    /// The target of the loops.
    pub target: Target,
    /// Values to look at.
    pub taps: Taps,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch: 1, size: None, target: Target::PORTABLE, taps: Taps::None }
    }
}
