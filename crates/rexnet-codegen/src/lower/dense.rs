//! Dense layers: a matrix product whose rows are images.

use super::activation;
use super::columns::split;
use super::convolution::pack;
use super::node::{ALONE, NodeBuilder, images};
use super::padding;
use super::tile::{ReductionLoop, Rows, Tile, each_tile, rows_per_tile};
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
        activation: Some(Activation::Sigmoid),
    };
    second.emit(builder, target);
}

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
        let shape = target.tile_for(self.to.batch());
        let rows = rows_per_tile(self.to.batch(), shape.rows, shape.enough_rows());
        let (in_registers, on_rows) = activation::cut(self.activation, false);
        for block in &split(self.to.channels(), k, 0, target.lanes, shape.vectors) {
            builder.section(("n", 0..block.iterations as i64), ALONE, |builder, group, _| {
                builder.for_each("part", block.parts, |builder, part| {
                    each_tile(builder, "image", self.to.batch(), rows, |builder, rows, first| {
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
            });
        }
        if on_rows.is_some() {
            builder.section(images(self.to), ALONE, |builder, image, _| {
                let (at, elements) = (image * m_stride, m_stride as usize);
                activation::apply_to_rows(builder, on_rows, self.output, &at, elements, target.lanes);
            });
        }
        padding::clear(builder, self.output, self.to, self.activation);
    }
}
