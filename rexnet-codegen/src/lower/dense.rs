//! Dense layers: a matrix product whose rows are images.

use super::activation;
use super::columns::{Columns, split};
use super::node::{ALONE, NodeBuilder};
use super::packing::pack;
use super::padding;
use super::tile::{ReductionLoop, Rows, Tile, each_tile, rows_for};
use super::{PackedTensor, Packing};
use crate::loops::{Affine, BufferId, KernelBuilder, Role};
use crate::target::Target;
use rexnet_ir::graph::{Activation, Dense, Node, NodeId, SqueezeExcite, TensorType};

/// A layer as a kernel of its own.
pub(super) fn dense(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, dense: &Dense) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let weights = pack(node, "weights", &operands, dense.bias);
    let output = node.value("output", id, Role::Out);
    let layer = Layer { input, weights, output, from: &input_ty, to: &ty, activation: dense.activation };
    layer.emit(&mut node.builder, target);
}

/// The gate of a squeeze-excite block in one kernel: the reducing layer and the expanding layer, and before them
/// the means, unless the kernel that made the map left them.
pub(super) fn squeeze_excite(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, gate: &SqueezeExcite) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let layer_weights = |node: &mut NodeBuilder<'_>, name: &str, weight: NodeId, bias: NodeId| {
        let ty = &node.graph.node(weight).ty;
        let tensor = PackedTensor {
            packing: Packing::Panels {
                part: None,
                weight: node.constant_name(weight),
                bias: Some(node.constant_name(bias)),
            },
            elements: super::columns::packed_elements(ty.batch(), ty.channels()),
        };
        node.packed(name, tensor)
    };
    let given = node.given_means(operands[0]);
    let input = if given.is_none() { Some(node.value("input", operands[0], Role::In)) } else { None };
    let reduce = layer_weights(node, "reduce", operands[1], operands[2]);
    let expand = layer_weights(node, "expand", operands[3], operands[4]);
    let means_ty = TensorType { dims: vec![ty.batch(), ty.channels()], ..ty.clone() };
    let reduced_ty =
        TensorType { dims: vec![ty.batch(), node.graph.node(operands[1]).ty.batch()], ..ty.clone() };
    let means = given.unwrap_or_else(|| node.shared("means", means_ty.stored_elements()));
    let reduced = node.shared("reduced", reduced_ty.stored_elements());
    let output = node.value("output", id, Role::Out);

    let builder = &mut node.builder;
    if let Some(input) = input {
        super::pooling::squeeze(builder, &input_ty, input, means, target);
    }
    let first = Layer {
        input: means,
        weights: reduce,
        output: reduced,
        from: &means_ty,
        to: &reduced_ty,
        activation: Some(gate.activation),
    };
    first.emit(builder, target);
    let second = Layer {
        input: reduced,
        weights: expand,
        output,
        from: &reduced_ty,
        to: &ty,
        activation: Some(gate.gate),
    };
    second.emit(builder, target);
}

/// As many vectors of output channels as keep the multiply-adds busy: a weight is read once, so more would gain nothing,
/// and leave fewer threads with something to do.
const MOST_VECTORS: usize = 8;

struct Layer<'a> {
    input: BufferId,
    weights: BufferId,
    output: BufferId,
    from: &'a TensorType,
    to: &'a TensorType,
    activation: Option<Activation>,
}

impl Layer<'_> {
    /// Column blocks outside, so that large weights pass once.
    fn emit(&self, builder: &mut KernelBuilder, target: &Target) {
        let (k, k_stride) = (self.from.channels(), self.from.padded_channels() as i64);
        let m_stride = self.to.padded_channels() as i64;
        let images = self.to.batch();
        let vectors = target.tile_for(images).vectors.min(MOST_VECTORS);
        let blocks = split(self.to.channels(), k, 0, target.lanes, vectors);
        let rows = rows_for(target, images, &blocks);
        let (in_registers, on_rows) = activation::cut(self.activation, false);
        let has_padding = |block: &Columns| {
            block.iterations == 1 && block.channel as usize + block.channels() > self.to.channels()
        };
        for block in &blocks {
            builder.section(("n", 0..block.iterations as i64), ALONE, |builder, group, _| {
                builder.for_each("part", block.parts, |builder, part| {
                    each_tile(builder, "image", images, rows, |builder, rows, first| {
                        let tile = Tile {
                            rows,
                            input: Rows {
                                buffer: self.input,
                                base: first.clone() * k_stride,
                                stride: k_stride,
                            },
                            output: Rows { buffer: self.output, base: first * m_stride, stride: m_stride },
                            shortcut: None,
                            weights: self.weights,
                            weights_base: Affine::default(),
                            activation: in_registers,
                            reduction: vec![ReductionLoop {
                                name: "k",
                                range: 0..k as i64,
                                input_stride: 1,
                                weight_stride: 1,
                            }],
                        };
                        tile.emit(builder, block, &group, &part);
                    });
                });
                let first = group * block.channels() as i64 + block.channel;
                builder.for_each("image", images, |builder, image| {
                    let at = image * m_stride + first;
                    let elements = block.channels();
                    activation::apply_to_rows(builder, on_rows, self.output, &at, elements, target.lanes);
                });
                if has_padding(block) {
                    padding::clear_here(builder, self.output, self.to, self.activation);
                }
            });
        }
        if !blocks.iter().any(has_padding) {
            padding::clear(builder, self.output, self.to, self.activation);
        }
    }
}
