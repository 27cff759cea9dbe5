//! What a compilation starts from.

use super::Source;
use crate::plan::PackedWeights;
use crate::target::Target;
use rexnet_ir::Bytes;
use rexnet_ir::onnx::Sizes;

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
    /// The packed weights of the same network, compiled for other extents of its inputs. A model whose constants depend on
    /// the extents gets its own. The graphs of the [`Compilation`](super::Compilation) do not have these weights.
    Repacked(PackedWeights),
    /// The source's own: a graph's or a model's. A constant for which there is none is refused.
    Own,
    /// Drawn from a seed where the source brings none, for measuring and testing. An ONNX model brings its own.
    Seeded(u64),
    /// Zeros where the source brings none.
    Zeros,
    /// None, where only the code is wanted: zeros where the source brings none, and packed weights that are zeros. Fastest.
    Absent,
}

impl Weights {
    /// Whether the graphs do not have them.
    pub(super) fn only_packed(&self) -> bool {
        matches!(self, Weights::Packed(_) | Weights::Repacked(_) | Weights::Absent)
    }

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

/// What to compile, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The network.
    pub source: Source,
    /// Its weights.
    pub weights: Weights,
    /// What its loops are lowered for, at least one target: the first one's program is
    /// [`Compilation::program`](super::Compilation::program).
    pub targets: Vec<Target>,
    /// Intermediate values that become outputs.
    pub taps: Taps,
    /// Images in one run. Without it, those of a source that is fixed to a number, else 1.
    pub batch: Option<usize>,
    /// Other extents of the inputs; those of the source without. A spec takes a height and a width.
    pub sizes: Sizes,
}

impl Request {
    /// One portable program, without taps, for the extents that the source says.
    pub fn new(source: impl Into<Source>, weights: Weights) -> Self {
        Self {
            source: source.into(),
            weights,
            targets: vec![Target::PORTABLE],
            taps: Taps::None,
            batch: None,
            sizes: Sizes::default(),
        }
    }
}
