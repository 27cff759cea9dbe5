//! Convolutions that sum over channels: pointwise and spatial ones.

use super::activation;
use super::borders::{Span, Window};
use super::columns::Columns;
use super::columns::split;
use super::node::{ALONE, NodeBuilder, Strides, images};
use super::packing::{pack, pack_part, part_name};
use super::padding;
use super::segments::{Segment, inputs_of};
use super::tile::{ReductionLoop, Rows, Tile, each_tile, each_tile_of_images, rows_for};
use crate::loops::{Affine, BinaryOp, BufferId, KernelBuilder, Role};
use crate::target::Target;
use rexnet_ir::graph::{Activation, CHANNEL_PADDING, Conv2d, Node, NodeId, TensorType};
use std::ops::Range;

/// The windows of a convolution along y and x.
pub(super) fn windows(conv: &Conv2d, node: &NodeBuilder<'_>, id: NodeId) -> [Window; 2] {
    let graph = node.graph;
    let [x, w] = [0, 1].map(|operand| &graph.node(graph.node(id).operands[operand]).ty);
    let y = &graph.node(id).ty;
    [0, 1].map(|axis| Window {
        outputs: y.dim(2 + axis),
        inputs: x.dim(2 + axis),
        kernel: w.dim(2 + axis),
        stride: conv.stride[axis],
        dilation: conv.dilation[axis],
        pad: conv.pad[axis],
    })
}

/// The output channels of a pointwise convolution, cut at its groups.
pub(super) fn segments(conv: &Conv2d, weight: &TensorType) -> Vec<Segment> {
    super::segments::segments(weight.batch(), CHANNEL_PADDING, |channel| {
        (inputs_of(conv, weight, channel), None)
    })
}

/// The optional operands after the weight, in order: gate and shortcut.
pub(super) fn optional(conv: &Conv2d, operands: &[NodeId]) -> (Option<NodeId>, Option<NodeId>) {
    let mut rest = operands[2 + usize::from(conv.bias)..].iter().copied();
    let gate = conv.gate.then(|| rest.next()).flatten();
    (gate, conv.shortcut.then(|| rest.next()).flatten())
}

/// Output channels of a pointwise convolution that sum over the same inputs.
struct OfGroup {
    segment: Segment,
    weights: BufferId,
    blocks: Vec<Columns>,
}

/// A 1×1 convolution of stride 1 without padding on a channels-last map: a matrix product whose rows are
/// pixels, or one for each group. A gate and an input activation are applied to the rows of each tile once, into a scratch that the
/// tile then reads.
pub(super) fn pointwise(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, conv: &Conv2d) {
    let graph = node.graph;
    let Node { operands, ty: output_ty, .. } = graph.node(id).clone();
    let input_ty = graph.node(operands[0]).ty.clone();
    let (gate, shortcut) = optional(conv, &operands);
    let (k, k_stride, m_stride) =
        (input_ty.channels(), input_ty.padded_channels() as i64, output_ty.padded_channels() as i64);
    let staged = gate.is_some() || conv.input_activation.is_some();

    let input = node.value("input", operands[0], Role::In);
    let gate = gate.map(|gate| node.value("gate", gate, Role::In));
    let shortcut_channels = shortcut.map_or(0, |shortcut| graph.node(shortcut).ty.padded_channels());
    let shortcut = shortcut.map(|shortcut| node.value("shortcut", shortcut, Role::In));
    let weight_ty = &graph.node(operands[1]).ty;
    let segments = segments(conv, weight_ty);
    let weights: Vec<BufferId> = segments
        .iter()
        .enumerate()
        .map(|(index, segment)| {
            let name = part_name("weights", index);
            pack_part(node, &name, &operands, conv.bias, segment.group(conv, weight_ty))
        })
        .collect();
    let output = node.value("output", id, Role::Out);

    // A gate belongs to its image; otherwise the images are just more pixels.
    let map = output_ty.height() * output_ty.width();
    let (images, pixels) = if staged { (output_ty.batch(), map) } else { (1, output_ty.batch() * map) };
    let vectors = target.tile_for(pixels).vectors;
    let groups: Vec<OfGroup> = segments
        .into_iter()
        .zip(weights)
        .map(|(segment, weights)| {
            let covered = segment.covered(shortcut_channels);
            let blocks = split(segment.channels(), segment.inputs.len(), covered, target.lanes, vectors);
            OfGroup { segment, weights, blocks }
        })
        .collect();
    let blocks: Vec<Columns> = groups.iter().flat_map(|group| group.blocks.iter().copied()).collect();
    let rows = rows_for(target, pixels, &blocks);
    let weight_elements: usize =
        groups.iter().map(|OfGroup { segment, .. }| segment.channels() * segment.inputs.len()).sum();
    let weights_outweigh_pixels =
        weight_elements > k * pixels && weight_elements > WEIGHTS_AT_HAND && k * pixels < PIXELS_IN_CACHE;
    let scratch = staged.then(|| {
        if weights_outweigh_pixels {
            node.shared("rows", images * pixels * k_stride as usize)
        } else {
            node.scratch("rows", rows * k_stride as usize)
        }
    });
    let (in_registers, on_rows) = activation::cut(conv.activation, shortcut.is_some());

    let builder = &mut node.builder;
    let tile = |group: &OfGroup, rows: usize, image: &Affine, first: &Affine| {
        let (inputs, outputs) = (&group.segment.inputs, group.segment.outputs.start as i64);
        let row = |stride: i64| image.clone() * (map as i64 * stride) + first.clone() * stride;
        let (buffer, base) = match scratch {
            Some(scratch) if weights_outweigh_pixels => (scratch, row(k_stride)),
            Some(scratch) => (scratch, Affine::default()),
            None => (input, row(k_stride)),
        };
        Tile {
            rows,
            input: Rows { buffer, base: base + inputs.start as i64, stride: k_stride },
            output: Rows { buffer: output, base: row(m_stride) + outputs, stride: m_stride },
            shortcut: shortcut.map(|buffer| {
                let stride = shortcut_channels as i64;
                Rows { buffer, base: row(stride) + outputs, stride }
            }),
            weights: group.weights,
            weights_base: Affine::default(),
            activation: in_registers,
            reduction: vec![ReductionLoop {
                name: "k",
                range: 0..inputs.len() as i64,
                input_stride: 1,
                weight_stride: 1,
            }],
        }
    };
    let stage = |builder: &mut KernelBuilder, rows: usize, image: &Affine, first: &Affine, to: Affine| {
        if let Some(scratch) = scratch {
            let at = (image.clone() * map as i64 + first.clone()) * k_stride;
            let gate = gate.map(|gate| (gate, image.clone() * k_stride));
            let function = conv.input_activation;
            stage_rows(builder, (input, at), gate, (scratch, to), function, (rows, k_stride), target.lanes);
        }
    };
    if weights_outweigh_pixels {
        // Large weights pass once; the few pixels stay in the cache.
        if staged {
            each_tile_of_images(builder, images, ("p", pixels), rows, |builder, image, rows, first| {
                let to = image.clone() * (map as i64 * k_stride) + first.clone() * k_stride;
                stage(builder, rows, image, &first, to);
            });
        }
        for (of_group, block) in
            groups.iter().flat_map(|of_group| of_group.blocks.iter().map(move |block| (of_group, block)))
        {
            let groups = ("n", 0..block.iterations as i64);
            let tiles = |builder: &mut KernelBuilder, group: &Affine, rows: usize, first: &Affine| {
                builder.for_each("image", images, |builder, image| {
                    builder.for_each("part", block.parts, |builder, part| {
                        tile(of_group, rows, &image, first).emit(builder, block, group, &part);
                    });
                });
            };
            let (whole, rest) = (pixels / rows, pixels % rows);
            builder.section(groups.clone(), ("p", 0..whole as i64), |builder, group, p| {
                tiles(builder, &group, rows, &(p * rows as i64));
            });
            if rest > 0 {
                let first = Affine::constant((whole * rows) as i64);
                builder.section(groups, ALONE, |builder, group, _| tiles(builder, &group, rest, &first));
            }
        }
        if on_rows.is_some() {
            let all = ("row", 0..(images * pixels) as i64);
            builder.section(all, ALONE, |builder, row, _| {
                let elements = m_stride as usize;
                activation::apply_to_rows(
                    builder,
                    on_rows,
                    output,
                    &(row * m_stride),
                    elements,
                    target.lanes,
                );
            });
        }
    } else {
        each_tile_of_images(builder, images, ("p", pixels), rows, |builder, image, rows, first| {
            stage(builder, rows, image, &first, Affine::default());
            for group in &groups {
                tile(group, rows, image, &first).emit_all(builder, &group.blocks);
            }
            let at = image.clone() * (map as i64 * m_stride) + first * m_stride;
            let elements = rows * m_stride as usize;
            activation::apply_to_rows(builder, on_rows, output, &at, elements, target.lanes);
        });
    }
    padding::clear(builder, output, &output_ty, conv.activation);
}

/// Elements of weights beyond which reading them again for every tile of pixels costs more than reading the pixels
/// again for every group of panels.
const WEIGHTS_AT_HAND: usize = 96 << 10;
/// Elements of pixels that are taken to stay in the second-level cache.
const PIXELS_IN_CACHE: usize = 128 << 10;

/// `scratch[to..] = activation(input[at..] * gate)` for some rows of whole padded channels.
fn stage_rows(
    builder: &mut KernelBuilder,
    (input, at): (BufferId, Affine),
    gate: Option<(BufferId, Affine)>,
    (scratch, to): (BufferId, Affine),
    function: Option<Activation>,
    (rows, channels): (usize, i64),
    lanes: usize,
) {
    let lanes = if (channels as usize).is_multiple_of(lanes) { lanes } else { lanes.min(8) };
    builder.for_each("c", channels as usize / lanes, |builder, c| {
        let c = c * lanes as i64;
        let gate = gate.map(|(gate, base)| {
            let value = builder.load(gate, base + c.clone(), lanes);
            builder.bind("gate", value)
        });
        builder.unrolled("r", rows, |builder, row| {
            let offset = row * channels + c;
            let mut value = builder.load(input, at + offset.clone(), lanes);
            if let Some(gate) = gate {
                value = value.binary(BinaryOp::Mul, gate);
            }
            if let Some(function) = function {
                value = activation::apply(builder, function, value, lanes);
            }
            builder.store(scratch, to + offset, value);
        });
    });
}

/// Any other convolution that sums over channels, on either layout of the input. Positions whose windows see the
/// same taps share a nest.
pub(super) fn spatial(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, conv: &Conv2d) {
    let graph = node.graph;
    let Node { operands, ty: output_ty, .. } = graph.node(id).clone();
    let input_ty = graph.node(operands[0]).ty.clone();
    let windows = windows(conv, node, id);
    let (_, shortcut) = optional(conv, &operands);

    let input = node.value("input", operands[0], Role::In);
    let shortcut_ty = shortcut.map(|shortcut| graph.node(shortcut).ty.clone());
    let shortcut = shortcut.map(|shortcut| node.value("shortcut", shortcut, Role::In));
    let weights = pack(node, "weights", &operands, conv.bias);
    let output = node.value("output", id, Role::Out);

    let channels = input_ty.channels() as i64;
    let [window_y, window_x] = windows;
    let shape = target.tile_for(output_ty.width());
    let reduction = channels as usize * window_y.kernel * window_x.kernel;
    let shortcut_channels = shortcut_ty.as_ref().map_or(0, |ty| ty.padded_channels());
    let blocks = split(output_ty.channels(), reduction, shortcut_channels, target.lanes, shape.vectors);
    let (from, to) = (Strides::of(&input_ty), Strides::of(&output_ty));
    let shortcut_strides = shortcut_ty.as_ref().map(Strides::of);
    let (in_registers, on_rows) = activation::cut(conv.activation, shortcut.is_some());

    let builder = &mut node.builder;
    each_region(builder, images(&output_ty), &windows, |builder, image, y, span_y, span_x| {
        let width = (span_x.outputs.end - span_x.outputs.start) as usize;
        let rows = rows_for(target, width, &blocks);
        each_tile(builder, "x", width, rows, |builder, rows, first| {
            let x = first + span_x.outputs.start;
            let place =
                |strides: &Strides| image.clone() * strides.n + y.clone() * strides.y + x.clone() * strides.x;
            let origin = image.clone() * from.n
                + (y.clone() * window_y.stride as i64 + window_y.origin()) * from.y
                + (x.clone() * window_x.stride as i64 + window_x.origin()) * from.x;
            let axis = |name, span: &Span, window: &Window, stride: i64, weight_stride: i64| ReductionLoop {
                name,
                range: span.taps.clone(),
                input_stride: window.dilation as i64 * stride,
                weight_stride,
            };
            let tile = Tile {
                rows,
                input: Rows { buffer: input, base: origin, stride: window_x.stride as i64 * from.x },
                output: Rows { buffer: output, base: place(&to), stride: to.x },
                shortcut: shortcut.zip(shortcut_strides.as_ref()).map(|(buffer, strides)| Rows {
                    buffer,
                    base: place(strides),
                    stride: strides.x,
                }),
                weights,
                weights_base: Affine::default(),
                activation: in_registers,
                reduction: vec![
                    axis("ky", span_y, &window_y, from.y, window_x.kernel as i64 * channels),
                    axis("kx", span_x, &window_x, from.x, channels),
                    ReductionLoop { name: "k", range: 0..channels, input_stride: from.c, weight_stride: 1 },
                ],
            };
            tile.emit_all(builder, &blocks);
            let elements = rows * to.x as usize;
            activation::apply_to_rows(builder, on_rows, output, &tile.output.base, elements, target.lanes);
        });
    });
    padding::clear(builder, output, &output_ty, conv.activation);
}

/// Sections that run `body` for each output row of each region of the maps in which all windows see the same taps.
pub(super) fn each_region(
    builder: &mut KernelBuilder,
    images: (&str, Range<i64>),
    windows: &[Window; 2],
    mut body: impl FnMut(&mut KernelBuilder, &Affine, Affine, &Span, &Span),
) {
    let columns = windows[1].spans();
    for span_y in windows[0].spans() {
        builder.section(images.clone(), ("y", span_y.outputs.clone()), |builder, image, y| {
            for span_x in &columns {
                body(builder, &image, y.clone(), &span_y, span_x);
            }
        });
    }
}
