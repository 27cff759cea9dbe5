//! A pointwise convolution and the depthwise one after it in one kernel, some channels at a time: the expanded map
//! never exists as a whole.
//!
//! A slice of the expanded channels is computed for all pixels into a scratch, and convolved from there at once. The
//! scratch stays in the cache, every weight is read once, and the sums for squeeze-excite fall out of the slice.

use super::activation;
use super::columns::{PANEL, split};
use super::convolution::{pack, windows};
use super::depthwise::{Depthwise, Map};
use super::node::{NodeBuilder, Strides, images};
use super::tile::{ReductionLoop, Rows, Tile, each_tile, rows_for};
use super::{Strategy, padding, strategy};
use crate::loops::{Affine, KernelBuilder, Role};
use crate::target::Target;
use rexnet_ir::graph::{Conv2d, Graph, Node, NodeId, Op};

/// Channels of a slice: two panels.
const SLICE: usize = 2 * PANEL;
/// From so many slices on, one more or less for a thread makes no difference.
const MANY_SLICES: usize = 16;
/// With fewer than so many, half a slice more or less makes one.
const FEW_SLICES: usize = 8;

/// The pointwise convolution whose result only this depthwise convolution reads, if there is one.
pub(super) fn expansion(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let is = |id: NodeId, wanted: Strategy| match &graph.node(id).op {
        Op::Conv2d(conv) => (strategy(graph, id, conv) == wanted).then_some(conv),
        _ => None,
    };
    let depthwise = is(id, Strategy::Depthwise)?;
    let expand = graph.node(id).operands[0];
    let pointwise = is(expand, Strategy::Pointwise)?;
    let plain = |conv: &Conv2d| !conv.shortcut && !conv.gate && conv.input_activation.is_none();
    // Padding that an activation has to clear would have to be cleared in every slice.
    let keeps_zero = pointwise.activation.is_none_or(|function| function.preserves_zero());
    let alone = graph.only_user(expand).is_ok_and(|user| user == id);
    (plain(depthwise) && plain(pointwise) && keeps_zero && alone).then_some(expand)
}

/// Both convolutions; `id` is the depthwise one.
pub(super) fn expand_depthwise(node: &mut NodeBuilder<'_>, target: &Target, expand: NodeId, id: NodeId) {
    let graph = node.graph;
    let [Node { operands: expand_operands, ty: expanded, op: expand_op, .. }, Node { operands, ty, op, .. }] =
        [expand, id].map(|id| graph.node(id).clone());
    let (Op::Conv2d(expand_conv), Op::Conv2d(conv)) = (expand_op, op) else { return };
    let input_ty = graph.node(expand_operands[0]).ty.clone();
    let windows = windows(&conv, node, id);

    let input = node.value("input", expand_operands[0], Role::In);
    let expand_weights = pack(node, "expand", &expand_operands, expand_conv.bias);
    let weights = pack(node, "weights", &operands, conv.bias);
    let output = node.value("output", id, Role::Out);
    let means = node.means(id);
    let pixels = expanded.height() * expanded.width();
    let padded = expanded.padded_channels();
    let slice = SLICE.min(padded);
    let scratch = node.scratch("slice", pixels * slice);

    let k = input_ty.channels();
    let (k_stride, to) = (input_ty.padded_channels() as i64, Strides::of(&ty));
    let taps = windows[0].kernel * windows[1].kernel;
    let (in_registers, on_rows) = activation::cut(expand_conv.activation, false);
    let shape = target.tile_for(pixels);

    let emit = |builder: &mut KernelBuilder, image: &Affine, first: Affine, width: usize| {
        // The number of panels before the slice.
        let panels = first.clone();
        let blocks = split(width, k, 0, target.lanes, shape.vectors);
        let rows = rows_for(target, pixels, &blocks);
        each_tile(builder, "p", pixels, rows, |builder, rows, pixel| {
            let tile = Tile {
                rows,
                input: Rows {
                    buffer: input,
                    base: image.clone() * (pixels as i64 * k_stride) + pixel.clone() * k_stride,
                    stride: k_stride,
                },
                output: Rows { buffer: scratch, base: pixel * width as i64, stride: width as i64 },
                shortcut: None,
                weights: expand_weights,
                weights_base: panels.clone() * (PANEL * (k + 1)) as i64,
                activation: in_registers,
                reduction: vec![ReductionLoop {
                    name: "k",
                    range: 0..k as i64,
                    input_stride: 1,
                    weight_stride: 1,
                }],
            };
            tile.emit_all(builder, &blocks);
            activation::apply_to_rows(
                builder,
                on_rows,
                scratch,
                &tile.output.base,
                rows * width,
                target.lanes,
            );
        });
        let channel = panels.clone() * PANEL as i64;
        let layer = Depthwise {
            windows,
            channels: [width, 0],
            input: Map {
                buffer: scratch,
                base: Affine::default(),
                y: (expanded.width() * width) as i64,
                x: width as i64,
            },
            output: Map { buffer: output, base: image.clone() * to.n + channel.clone(), y: to.y, x: to.x },
            shortcut: None,
            weights,
            weights_base: panels * (PANEL * (taps + 1)) as i64,
            activation: conv.activation,
            means: means.map(|means| (means, image.clone() * padded as i64 + channel)),
        };
        layer.emit(builder, target);
    };
    let builder = &mut node.builder;
    let (mut whole, rest) = (padded / slice, padded % slice);
    // The last ones are halved, so that threads that share them can have as much to do.
    let halved = match whole {
        FEW_SLICES.. if whole >= MANY_SLICES => 0,
        FEW_SLICES.. => whole % 2,
        _ if slice == SLICE => 2.min(whole),
        _ => 0,
    };
    whole -= halved;
    let mut first = 0;
    for (count, width) in [(whole, slice), (2 * halved, PANEL), (1, rest)] {
        let panels = (width / PANEL) as i64;
        let count = if width > 0 { count as i64 } else { 0 };
        builder.section(images(&ty), ("slice", 0..count), |builder, image, index| {
            emit(builder, &image, index * panels + first, width);
        });
        first += count * panels;
    }
    padding::clear(builder, output, &ty, conv.activation);
}
