//! What kernels want of weights: which filters, in which order.

use super::columns::packed_elements;
use super::node::NodeBuilder;
use crate::loops::BufferId;
use rexnet_ir::graph::{KernelSlice, NodeId};
use std::ops::Range;

/// How the weights of a kernel are stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// Panels of 16 output channels, a tail of 8; see `lower/columns.rs`. The reduction runs over the filter's
    /// taps in row-major order, then its channels.
    Panels {
        /// The constant `[m, c, kh, kw]` or `[m, k]`.
        weight: String,
        /// The constant `[m]`; zeros without.
        bias: Option<String>,
        /// Which of the filters; all, as they are, without.
        part: Option<Part>,
    },
    /// One filter after the other: its bias, then its weights by taps in row-major order, then channels.
    Rows {
        /// The constant `[m, c, kh, kw]`.
        weight: String,
        /// The constant `[m]`; zeros without.
        bias: Option<String>,
    },
    /// A constant as it is, in NCHW order.
    Plain {
        /// The constant.
        constant: String,
    },
}

/// Some filters of a convolution, as a kernel wants them that computes its output channels in several ways.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Of a pointwise convolution in groups: filters over a range of the input channels, zero for those of another
    /// group.
    Group {
        /// Which filters.
        filters: Range<usize>,
        /// The input channels.
        inputs: Range<usize>,
        /// In how many groups the convolution is.
        groups: usize,
    },
    /// Of a depthwise convolution: the taps in the middle of filters.
    Kernel {
        /// Which filters.
        filters: Range<usize>,
        /// How many rows and columns of taps are taken of each.
        kernel: [usize; 2],
        /// As of the convolution: what lies around smaller kernels is zero.
        slices: Vec<KernelSlice>,
    },
}

/// A tensor of the packed weights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PackedTensor {
    /// Where it comes from and how it is stored.
    pub packing: Packing,
    /// Its stored elements.
    pub elements: usize,
}

/// The packed filters and biases of a convolution or dense layer.
pub(super) fn pack(node: &mut NodeBuilder<'_>, name: &str, operands: &[NodeId], bias: bool) -> BufferId {
    pack_part(node, name, operands, bias, None)
}

/// As [`pack`], some of them only.
pub(super) fn pack_part(
    node: &mut NodeBuilder<'_>,
    name: &str,
    operands: &[NodeId],
    bias: bool,
    part: Option<Part>,
) -> BufferId {
    let ty = &node.graph.node(operands[1]).ty;
    let (filters, reduction) = match &part {
        None => (ty.batch(), ty.elements() / ty.batch()),
        Some(Part::Group { filters, inputs, .. }) => (filters.len(), inputs.len()),
        Some(Part::Kernel { filters, kernel, .. }) => (filters.len(), kernel[0] * kernel[1]),
    };
    let tensor = PackedTensor {
        packing: Packing::Panels {
            weight: node.constant_name(operands[1]),
            bias: bias.then(|| node.constant_name(operands[2])),
            part,
        },
        elements: packed_elements(filters, reduction),
    };
    node.packed(name, tensor)
}

/// What is packed for each of several segments: the first has the plain name.
pub(super) fn part_name(name: &str, index: usize) -> String {
    if index == 0 { name.to_owned() } else { format!("{name}_{}", index + 1) }
}
