//! A pointwise convolution and the depthwise one after it in one kernel, some channels at a time: the expanded map
//! never exists as a whole.
//!
//! A slice of the expanded channels is computed for all pixels into a scratch, and convolved from there at once. The
//! scratch stays in the cache, every weight is read once, and the sums for squeeze-excite fall out of the slice.

use super::activation;
use super::columns::{PANEL, split};
use super::convolution::windows;
use super::depthwise::{Depthwise, Map};
use super::node::{NodeBuilder, Strides, images};
use super::packing::{pack_part, part_name};
use super::segments::{Segment, inputs_of, kernel_of, segments};
use super::tile::{ReductionLoop, Rows, Tile, each_tile, rows_for};
use super::{padding, strategy};
use crate::loops::{Affine, BufferId, KernelBuilder, Role};
use crate::target::Target;
use rexnet_ir::graph::{Conv2d, ConvolutionKind, Graph, Node, NodeId, Op};

/// Channels of a slice: two panels.
const SLICE: usize = 2 * PANEL;
/// From so many slices on, one more or less for a thread makes no difference.
const MANY_SLICES: usize = 16;
/// With fewer than so many, half a slice more or less makes one.
const FEW_SLICES: usize = 8;

/// The pointwise convolution whose result only this depthwise convolution reads, if there is one.
pub(super) fn expansion(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let is = |id: NodeId, wanted: ConvolutionKind| match &graph.node(id).op {
        Op::Conv2d(conv) => (strategy(graph, id, conv) == wanted).then_some(conv),
        _ => None,
    };
    let depthwise = is(id, ConvolutionKind::Depthwise)?;
    let expand = graph.node(id).operands[0];
    let pointwise = is(expand, ConvolutionKind::Pointwise)?;
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
    let [expand_ty, weight_ty] = [&expand_operands, &operands].map(|operands| &graph.node(operands[1]).ty);
    let segments: Vec<(Segment, [BufferId; 2])> = segments(expanded.channels(), PANEL, |channel| {
        (inputs_of(&expand_conv, expand_ty, channel), kernel_of(&conv.slices, channel))
    })
    .into_iter()
    .enumerate()
    .map(|(index, segment)| {
        let group = segment.group(&expand_conv, expand_ty);
        let expand = pack_part(node, &part_name("expand", index), &expand_operands, expand_conv.bias, group);
        let filters = segment.filters(&conv, weight_ty);
        let weights = pack_part(node, &part_name("weights", index), &operands, conv.bias, filters);
        (segment, [expand, weights])
    })
    .collect();
    let output = node.value("output", id, Role::Out);
    let means = node.means(id);
    let pixels = expanded.height() * expanded.width();
    let padded = expanded.padded_channels();
    let longest =
        segments.iter().map(|(segment, _)| segment.channels().next_multiple_of(8)).max().unwrap_or(1);
    let slice = SLICE.min(longest);
    let scratch = node.scratch("slice", pixels * slice);

    let (k_stride, to) = (input_ty.padded_channels() as i64, Strides::of(&ty));
    let (in_registers, on_rows) = activation::cut(expand_conv.activation, false);
    let shape = target.tile_for(pixels);

    type Of<'a> = (&'a Segment, [BufferId; 2]);
    let emit = |builder: &mut KernelBuilder, of: Of<'_>, image: &Affine, panels: Affine, width: usize| {
        let (segment, [expand_weights, weights]) = of;
        // The panels before the slice are counted within the segment.
        let k = segment.inputs.len();
        let windows = windows.map(|window| window.inner(segment.kernel));
        let taps = windows[0].kernel * windows[1].kernel;
        let blocks = split(width, k, 0, target.lanes, shape.vectors);
        let rows = rows_for(target, pixels, &blocks);
        each_tile(builder, "p", pixels, rows, |builder, rows, pixel| {
            let tile = Tile {
                rows,
                input: Rows {
                    buffer: input,
                    base: image.clone() * (pixels as i64 * k_stride)
                        + pixel.clone() * k_stride
                        + segment.inputs.start as i64,
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
        let channel = panels.clone() * PANEL as i64 + segment.outputs.start as i64;
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
    let slices: usize =
        segments.iter().map(|(segment, _)| segment.channels().next_multiple_of(8) / slice).sum();
    for (index, (segment, weights)) in segments.iter().enumerate() {
        let padded = segment.channels().next_multiple_of(8);
        let (mut whole, rest) = (padded / slice, padded % slice);
        // The last ones are halved, so that threads that share them can have as much to do.
        let halved = match slices {
            _ if index + 1 < segments.len() => 0,
            FEW_SLICES.. if slices >= MANY_SLICES => 0,
            FEW_SLICES.. => whole.min(slices % 2),
            _ if slice == SLICE => 2.min(whole),
            _ => 0,
        };
        whole -= halved;
        let mut first = 0;
        for (count, width) in [(whole, slice), (2 * halved, PANEL), (1, rest)] {
            let panels = (width / PANEL) as i64;
            let count = if width > 0 { count as i64 } else { 0 };
            builder.section(images(&ty), ("slice", 0..count), |builder, image, index| {
                emit(builder, (segment, *weights), &image, index * panels + first, width);
            });
            first += count * panels;
        }
    }
    padding::clear(builder, output, &ty, conv.activation);
}
