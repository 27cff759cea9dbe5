//! Depthwise convolution: each channel by a filter of its own, channels in lanes.

use super::activation;
use super::borders::{Span, Window};
use super::columns::{Columns, PANEL, split};
use super::convolution::windows;
use super::node::{NodeBuilder, Strides, images};
use super::packing::{pack_part, part_name};
use super::padding;
use super::segments::{Segment, kernel_of, segments};
use super::tile::{each_tile, rows_per_tile};
use crate::loops::{Affine, BinaryOp, BufferId, Expression, KernelBuilder, RegisterId, Role, ValueType};
use crate::target::Target;
use rexnet_ir::graph::{Activation, Conv2d, Node, NodeId, TensorType};

/// A map of one image, or a slice of its channels.
#[derive(Clone, Debug)]
pub(super) struct Map {
    pub(super) buffer: BufferId,
    /// The address of the first channel of the first pixel.
    pub(super) base: Affine,
    /// Elements from one row to the next.
    pub(super) y: i64,
    /// Elements from one column to the next.
    pub(super) x: i64,
}

/// A depthwise convolution of some channels of one image.
#[derive(Clone, Debug)]
pub(super) struct Depthwise {
    pub(super) windows: [Window; 2],
    /// The number of channels, and how many of them a shortcut covers.
    pub(super) channels: [usize; 2],
    pub(super) input: Map,
    pub(super) output: Map,
    pub(super) shortcut: Option<Map>,
    pub(super) weights: BufferId,
    /// The address of the first filter's panel.
    pub(super) weights_base: Affine,
    pub(super) activation: Option<Activation>,
    /// Where the mean of each channel of the result goes.
    pub(super) means: Option<(BufferId, Affine)>,
}

/// A convolution as a kernel of its own.
pub(super) fn depthwise(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, conv: &Conv2d) {
    let graph = node.graph;
    let Node { operands, ty, .. } = graph.node(id).clone();
    let windows = windows(conv, node, id);
    let weight_ty = &graph.node(operands[1]).ty;
    let segments = segments(ty.channels(), PANEL, |channel| (0..1, kernel_of(&conv.slices, channel)));
    let input = node.value("input", operands[0], Role::In);
    let shortcut = conv.shortcut.then(|| operands.last().copied()).flatten();
    let shortcut_ty = shortcut.map(|shortcut| graph.node(shortcut).ty.clone());
    let shortcut = shortcut.map(|shortcut| node.value("shortcut", shortcut, Role::In));
    let segments: Vec<(Segment, BufferId)> = segments
        .into_iter()
        .enumerate()
        .map(|(index, segment)| {
            let part = segment.filters(conv, weight_ty);
            let weights = pack_part(node, &part_name("weights", index), &operands, conv.bias, part);
            (segment, weights)
        })
        .collect();
    let output = node.value("output", id, Role::Out);
    let means = node.means(id);

    let map = |buffer, strides: Strides, image: &Affine| Map {
        buffer,
        base: image.clone() * strides.n,
        y: strides.y,
        x: strides.x,
    };
    let input_strides = Strides::of(&graph.node(operands[0]).ty);
    let covered = shortcut_ty.as_ref().map_or(0, TensorType::padded_channels);
    let builder = &mut node.builder;
    for (segment, weights) in &segments {
        let first = segment.outputs.start as i64;
        let map = |buffer, strides, image: &Affine| {
            let map: Map = map(buffer, strides, image);
            Map { base: map.base + first, ..map }
        };
        let windows = windows.map(|window| window.inner(segment.kernel));
        let layer = |image: &Affine| Depthwise {
            windows,
            channels: [segment.channels(), segment.covered(covered)],
            input: map(input, input_strides, image),
            output: map(output, Strides::of(&ty), image),
            shortcut: shortcut
                .zip(shortcut_ty.as_ref())
                .map(|(buffer, ty)| map(buffer, Strides::of(ty), image)),
            weights: *weights,
            weights_base: Affine::default(),
            activation: conv.activation,
            means: means.map(|means| (means, image.clone() * ty.padded_channels() as i64 + first)),
        };
        if means.is_some() {
            for block in &layer(&Affine::default()).blocks(target) {
                let groups = ("c", 0..block.iterations as i64);
                builder.section(images(&ty), groups, |builder, image, group| {
                    layer(&image).channels_with_means(builder, target, block, &group);
                });
            }
        } else {
            for span_y in windows[0].spans() {
                builder.section(images(&ty), ("y", span_y.outputs.clone()), |builder, image, y| {
                    let layer = layer(&image);
                    layer.row_of_all(builder, target, &y, &span_y, &layer.blocks(target));
                });
            }
        }
    }
    padding::clear(builder, output, &ty, conv.activation);
}

/// Where one vector of channels of a [`Depthwise`] lies.
struct Lane<'a> {
    block: &'a Columns,
    /// Its first channel.
    channel: Affine,
    /// The address of its biases; its weights follow, tap by tap.
    panel: Affine,
    /// The sum of the row so far.
    row: Option<RegisterId>,
}

impl Depthwise {
    /// One output row at a time, a few columns in registers, each input element loaded once for all the columns
    /// that see it. A sum runs from the bias over the taps in row-major order; a mean sums each row from left to
    /// right, then the rows from top to bottom.
    pub(super) fn emit(&self, builder: &mut KernelBuilder, target: &Target) {
        let blocks = self.blocks(target);
        self.each_mean(builder, target, &|_, lanes| Expression::f32(0.0, lanes));
        for span_y in self.windows[0].spans() {
            builder.repeat("y", span_y.outputs.start, span_y.outputs.end, false, |builder, y| {
                self.row_of_all(builder, target, &y, &span_y, &blocks);
            });
        }
        self.each_mean(builder, target, &|sum, lanes| self.mean(sum, lanes));
    }

    /// Its channels in single vectors.
    fn blocks(&self, target: &Target) -> Vec<Columns> {
        let [window_y, window_x] = &self.windows;
        let [channels, covered] = self.channels;
        split(channels, window_y.kernel * window_x.kernel, covered, target.lanes, 1)
    }

    /// One output row of all channels.
    fn row_of_all(
        &self,
        builder: &mut KernelBuilder,
        target: &Target,
        y: &Affine,
        span_y: &Span,
        blocks: &[Columns],
    ) {
        for block in blocks {
            builder.for_each("c", block.iterations, |builder, group| {
                builder.for_each("part", block.parts, |builder, part| {
                    let lane = self.lane(builder, block, &group, part);
                    self.row(builder, target, y, span_y, &lane);
                });
            });
        }
    }

    /// All rows of one group of channels, and its means.
    fn channels_with_means(
        &self,
        builder: &mut KernelBuilder,
        target: &Target,
        block: &Columns,
        group: &Affine,
    ) {
        builder.for_each("part", block.parts, |builder, part| {
            let channel = self.channel(block, group, &part);
            let Some((means, base)) = &self.means else { return };
            let at = base.clone() + channel;
            builder.store(*means, at.clone(), Expression::f32(0.0, block.lanes));
            for span_y in self.windows[0].spans() {
                builder.repeat("y", span_y.outputs.start, span_y.outputs.end, false, |builder, y| {
                    let lane = self.lane(builder, block, group, part.clone());
                    self.row(builder, target, &y, &span_y, &lane);
                });
            }
            let mean = self.mean(builder.load(*means, at.clone(), block.lanes), block.lanes);
            builder.store(*means, at, mean);
        });
    }

    fn mean(&self, sum: Expression, lanes: usize) -> Expression {
        let area = (self.windows[0].outputs * self.windows[1].outputs) as f32;
        sum.binary(BinaryOp::Div, Expression::f32(area, lanes))
    }

    /// The first channel of a part of a group.
    fn channel(&self, block: &Columns, group: &Affine, part: &Affine) -> Affine {
        group.clone() * PANEL as i64 + part.clone() * block.lanes as i64 + block.channel
    }

    /// A vector of channels, with a new register for the sum of its row.
    fn lane<'b>(
        &self,
        builder: &mut KernelBuilder,
        block: &'b Columns,
        group: &Affine,
        part: Affine,
    ) -> Lane<'b> {
        let first = block.panel_start + block.lane_start;
        Lane {
            block,
            channel: self.channel(block, group, &part),
            panel: self.weights_base.clone()
                + group.clone() * block.panel_stride
                + part * block.lanes as i64
                + first,
            row: self.means.is_some().then(|| builder.registers("row", ValueType::f32(block.lanes), 1)),
        }
    }

    /// Replaces every mean by a function of it.
    fn each_mean(
        &self,
        builder: &mut KernelBuilder,
        target: &Target,
        function: &dyn Fn(Expression, usize) -> Expression,
    ) {
        let Some((buffer, base)) = &self.means else { return };
        let lanes = target.lanes.min(8);
        builder.for_each("c", self.channels[0].div_ceil(8) * 8 / lanes, |builder, c| {
            let at = base.clone() + c * lanes as i64;
            let value = function(builder.load(*buffer, at.clone(), lanes), lanes);
            builder.store(*buffer, at, value);
        });
    }

    /// One output row of one vector of channels.
    fn row(&self, builder: &mut KernelBuilder, target: &Target, y: &Affine, span_y: &Span, lane: &Lane<'_>) {
        let window = &self.windows[1];
        let (in_registers, on_rows) = activation::cut(self.activation, self.shortcut.is_some());
        for span_x in window.spans() {
            let width = (span_x.outputs.end - span_x.outputs.start) as usize;
            let taps = (span_x.taps.end - span_x.taps.start) as usize;
            // Rows at the border are few: narrow tiles keep their code small.
            let at_border = span_y.taps.end - span_y.taps.start < self.windows[0].kernel as i64;
            let most = most_columns(target, taps, in_registers).min(if at_border { 4 } else { usize::MAX });
            let columns = rows_per_tile(width, most, 1);
            each_tile(builder, "x", width, columns, |builder, columns, first| {
                let x = first + span_x.outputs.start;
                let sums = self.tile(builder, columns, (y, &x), (span_y, &span_x), lane);
                builder.unrolled("r", columns, |builder, r| {
                    let mut value = Expression::register(sums, r.clone());
                    let x = x.clone() + r;
                    if let Some(function) = in_registers {
                        value = activation::apply(builder, function, value, lane.block.lanes);
                    }
                    if let Some(shortcut) = self.shortcut.as_ref().filter(|_| lane.block.shortcut) {
                        let at = shortcut.at(y, &x) + lane.channel.clone();
                        let other = builder.load(shortcut.buffer, at, lane.block.lanes);
                        value = value.binary(BinaryOp::Add, other);
                    }
                    self.finish(builder, (y, &x), lane, value, on_rows.is_none());
                });
            });
        }
        if let Some(function) = on_rows {
            builder.for_each("x", window.outputs, |builder, x| {
                let at = self.output.at(y, &x) + lane.channel.clone();
                let value = builder.load(self.output.buffer, at, lane.block.lanes);
                let value = activation::apply(builder, function, value, lane.block.lanes);
                self.finish(builder, (y, &x), lane, value, true);
            });
        }
        if let (Some((buffer, base)), Some(row)) = (&self.means, lane.row) {
            let at = base.clone() + lane.channel.clone();
            let sum = builder
                .load(*buffer, at.clone(), lane.block.lanes)
                .binary(BinaryOp::Add, Expression::register(row, Affine::default()));
            builder.store(*buffer, at, sum);
        }
    }

    /// Stores a value; a finished one counts for its row's sum.
    fn finish(
        &self,
        builder: &mut KernelBuilder,
        (y, x): (&Affine, &Affine),
        lane: &Lane<'_>,
        mut value: Expression,
        finished: bool,
    ) {
        if let Some(row) = lane.row.filter(|_| finished) {
            value = builder.bind("value", value);
            let sum = Expression::register(row, Affine::default()).binary(BinaryOp::Add, value.clone());
            builder.set(row, Affine::default(), sum);
        }
        builder.store(self.output.buffer, self.output.at(y, x) + lane.channel.clone(), value);
    }

    /// The sums of some columns.
    fn tile(
        &self,
        builder: &mut KernelBuilder,
        columns: usize,
        (y, x): (&Affine, &Affine),
        (span_y, span_x): (&Span, &Span),
        lane: &Lane<'_>,
    ) -> RegisterId {
        let [window_y, window_x] = &self.windows;
        let lanes = lane.block.lanes;
        let sums = builder.registers("acc", ValueType::f32(lanes), columns);
        let bias = builder.bind("bias", builder.load(self.weights, lane.panel.clone(), lanes));
        builder.unrolled("r", columns, |builder, r| builder.set(sums, r, bias));
        let origin = self.input.at(
            &(y.clone() * window_y.stride as i64 + window_y.origin()),
            &(x.clone() * window_x.stride as i64 + window_x.origin()),
        ) + lane.channel.clone();
        builder.repeat("ky", span_y.taps.start, span_y.taps.end, false, |builder, ky| {
            let weights: Vec<Expression> = span_x
                .taps
                .clone()
                .map(|kx| {
                    let tap = ky.clone() * window_x.kernel as i64 + (kx + 1);
                    let at = lane.panel.clone() + tap * lane.block.panel_width;
                    builder.bind("w", builder.load(self.weights, at, lanes))
                })
                .collect();
            let row = origin + ky * (window_y.dilation as i64 * self.input.y);
            for (position, users) in positions(columns, span_x, window_x) {
                let mut value = builder.load(self.input.buffer, row.clone() + position * self.input.x, lanes);
                if users.len() > 1 {
                    value = builder.bind("v", value);
                }
                for (column, tap) in users {
                    let index = Affine::constant(column);
                    let w = weights[(tap - span_x.taps.start) as usize].clone();
                    let sum = value.clone().fma(w, Expression::register(sums, index.clone()));
                    builder.set(sums, index, sum);
                }
            }
        });
        sums
    }
}

impl Map {
    fn at(&self, y: &Affine, x: &Affine) -> Affine {
        self.base.clone() + y.clone() * self.y + x.clone() * self.x
    }
}

/// How many columns wait in registers beside a row of weights, an input element, and what an activation needs.
fn most_columns(target: &Target, taps: usize, function: Option<Activation>) -> usize {
    let others = taps + 3 + if function.is_some_and(activation::is_long) { 4 } else { 0 };
    let most = if target.may_spill { target.registers } else { target.registers.saturating_sub(others) };
    most.clamp(1, 14)
}

/// The input columns that a tile sees, from left to right, each with the columns and taps that it counts for.
fn positions(columns: usize, span: &Span, window: &Window) -> Vec<(i64, Vec<(i64, i64)>)> {
    let mut positions: Vec<(i64, Vec<(i64, i64)>)> = Vec::new();
    for column in 0..columns as i64 {
        for tap in span.taps.clone() {
            let position = column * window.stride as i64 + tap * window.dilation as i64;
            match positions.iter_mut().find(|(other, _)| *other == position) {
                Some((_, users)) => users.push((column, tap)),
                None => positions.push((position, vec![(column, tap)])),
            }
        }
    }
    positions.sort_by_key(|&(position, _)| position);
    positions
}
