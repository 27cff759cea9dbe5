//! The register tile that convolutions and dense layers share: some output positions by some output channels,
//! summed over the reduction from the bias on, in the order of the packed weights.

use super::activation;
use super::columns::Columns;
use super::node::ALONE;
use crate::loops::{Affine, BinaryOp, BufferId, Expression, KernelBuilder, ValueType};
use crate::target::{Target, TileShape};
use rexnet_ir::graph::Activation;
use std::ops::Range;

/// A loop of the reduction.
#[derive(Clone, Debug)]
pub(super) struct ReductionLoop {
    pub(super) name: &'static str,
    pub(super) range: Range<i64>,
    /// Input elements from one step to the next.
    pub(super) input_stride: i64,
    /// Rows of the weight panel from one step to the next.
    pub(super) weight_stride: i64,
}

/// A matrix whose rows are output positions.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) buffer: BufferId,
    /// The address of the tile's first row.
    pub(super) base: Affine,
    /// Elements from one row to the next.
    pub(super) stride: i64,
}

/// What all the tiles of a kernel have in common.
#[derive(Clone, Debug)]
pub(super) struct Tile {
    pub(super) rows: usize,
    pub(super) input: Rows,
    pub(super) output: Rows,
    pub(super) shortcut: Option<Rows>,
    pub(super) weights: BufferId,
    /// The address of the first panel.
    pub(super) weights_base: Affine,
    pub(super) activation: Option<Activation>,
    /// From the outermost to the innermost.
    pub(super) reduction: Vec<ReductionLoop>,
}

impl Tile {
    /// The tile for each block of output channels.
    pub(super) fn emit_all(&self, builder: &mut KernelBuilder, blocks: &[Columns]) {
        for block in blocks {
            builder.for_each("n", block.iterations, |builder, group| {
                builder.for_each("part", block.parts, |builder, part| {
                    self.emit(builder, block, &group, &part);
                });
            });
        }
    }

    /// The tile for one group of panels, and one part of each, of a block.
    pub(super) fn emit(&self, builder: &mut KernelBuilder, block: &Columns, group: &Affine, part: &Affine) {
        let (rows, vectors, lanes) = (self.rows, block.vectors, block.lanes);
        let in_panel = part.clone() * (vectors * lanes) as i64;
        let weights = self.weights_base.clone()
            + group.clone() * (block.panels as i64 * block.panel_stride)
            + in_panel.clone()
            + (block.panel_start + block.lane_start);
        let channels =
            group.clone() * (block.panels * super::columns::PANEL) as i64 + in_panel + block.channel;
        let columns = block.unrolled_vectors() as i64;
        let accumulator = builder.registers("acc", ValueType::f32(lanes), rows * columns as usize);

        // Calls `body` for each column with its index, its offset in the weights and its offset in the channels.
        let each_column =
            |builder: &mut KernelBuilder,
             body: &mut dyn FnMut(&mut KernelBuilder, Affine, Affine, Affine)| {
                builder.unrolled("q", block.panels, |builder, q| {
                    builder.unrolled("v", vectors, |builder, v| {
                        let index = q.clone() * vectors as i64 + v.clone();
                        let weight = q.clone() * block.panel_stride + v.clone() * lanes as i64;
                        let channel = q * super::columns::PANEL as i64 + v * lanes as i64;
                        body(builder, index, weight, channel);
                    });
                });
            };
        let register = |row: &Affine, column: &Affine| row.clone() * columns + column.clone();

        each_column(builder, &mut |builder, column, weight, _| {
            let bias = builder.load(self.weights, weights.clone() + weight, lanes);
            let bias = if rows > 1 { builder.bind("bias", bias) } else { bias };
            builder.unrolled("r", rows, |builder, row| {
                builder.set(accumulator, register(&row, &column), bias.clone());
            });
        });

        self.reduce(builder, 0, Affine::default(), Affine::constant(1), &mut |builder, input, step| {
            let weight_row = weights.clone() + step * block.panel_width;
            let input = self.input.base.clone() + input;
            if rows == 1 {
                let x = builder.bind("x", builder.broadcast(self.input.buffer, input, lanes));
                each_column(builder, &mut |builder, column, weight, _| {
                    let w = builder.load(self.weights, weight_row.clone() + weight, lanes);
                    let sum = x.clone().fma(w, Expression::register(accumulator, column.clone()));
                    builder.set(accumulator, column, sum);
                });
                return;
            }
            // The weights of all columns stay in registers while the rows pass.
            let mut row_weights = Vec::new();
            for q in 0..block.panels as i64 {
                for v in 0..vectors as i64 {
                    let at = weight_row.clone() + (q * block.panel_stride + v * lanes as i64);
                    row_weights.push(builder.bind("w", builder.load(self.weights, at, lanes)));
                }
            }
            builder.unrolled("r", rows, |builder, row| {
                let at = input + row.clone() * self.input.stride;
                let mut x = builder.broadcast(self.input.buffer, at, lanes);
                if row_weights.len() > 1 {
                    x = builder.bind("x", x);
                }
                for (column, w) in row_weights.into_iter().enumerate() {
                    let index = register(&row, &Affine::constant(column as i64));
                    let sum = x.clone().fma(w, Expression::register(accumulator, index.clone()));
                    builder.set(accumulator, index, sum);
                }
            });
        });

        builder.unrolled("r", rows, |builder, row| {
            each_column(builder, &mut |builder, column, _, channel| {
                let channel = channels.clone() + channel;
                let mut value = Expression::register(accumulator, register(&row, &column));
                if let Some(function) = self.activation {
                    value = activation::apply(builder, function, value, lanes);
                }
                if let Some(shortcut) = self.shortcut.as_ref().filter(|_| block.shortcut) {
                    let at = shortcut.base.clone() + row.clone() * shortcut.stride + channel.clone();
                    value = value.binary(BinaryOp::Add, builder.load(shortcut.buffer, at, lanes));
                }
                let at = self.output.base.clone() + row.clone() * self.output.stride + channel;
                builder.store(self.output.buffer, at, value);
            });
        });
    }

    /// The loops of the reduction from `depth` on; `step` counts rows of the panel after the bias.
    fn reduce(
        &self,
        builder: &mut KernelBuilder,
        depth: usize,
        input: Affine,
        step: Affine,
        body: &mut dyn FnMut(&mut KernelBuilder, Affine, Affine),
    ) {
        let Some(inner) = self.reduction.get(depth) else {
            return body(builder, input, step);
        };
        builder.repeat(inner.name, inner.range.start, inner.range.end, false, |builder, index| {
            let input = input + index.clone() * inner.input_stride;
            let step = step + index * inner.weight_stride;
            self.reduce(builder, depth + 1, input, step, body);
        });
    }
}

/// How many rows a tile should have so that `total` rows are covered with the least work: as [`rows_per_tile`], for blocks
/// that may be of fewer vectors than the shape has, and leave room for more rows then.
pub(super) fn rows_for(target: &Target, total: usize, blocks: &[Columns]) -> usize {
    let shape = target.tile_for(total);
    let widest = blocks.iter().map(Columns::unrolled_vectors).max().unwrap_or(1).max(1);
    let narrow = TileShape { rows: shape.rows * shape.vectors / widest, vectors: widest };
    rows_per_tile(total, narrow.rows, narrow.enough_rows())
}

/// How many rows a tile should have so that `total` rows are covered with the least work. A tile costs its rows
/// and one and a half more; with fewer rows than `enough` the sums wait for each other, and it costs as much as
/// with that many.
pub(super) fn rows_per_tile(total: usize, most: usize, enough: usize) -> usize {
    let of_tile = |rows: usize| 2 * rows.max(enough) + 3;
    let cost = |rows: usize| {
        let rest = total % rows;
        let of_rest = if rest > 0 { of_tile(rest) } else { 0 };
        total / rows * of_tile(rows) + of_rest
    };
    (1..=most.min(total).max(1)).rev().min_by_key(|&rows| cost(rows)).unwrap_or(1)
}

/// The tiles of every image as sections of a kernel: `body` is given an image, a number of rows and the first row.
pub(super) fn each_tile_of_images(
    builder: &mut KernelBuilder,
    images: usize,
    (name, total): (&str, usize),
    rows: usize,
    mut body: impl FnMut(&mut KernelBuilder, &Affine, usize, Affine),
) {
    let (images, whole) = (("image", 0..images as i64), total / rows);
    builder.section(images.clone(), (name, 0..whole as i64), |builder, image, tile| {
        body(builder, &image, rows, tile * rows as i64);
    });
    if !total.is_multiple_of(rows) {
        builder.section(images, ALONE, |builder, image, _| {
            body(builder, &image, total % rows, Affine::constant((whole * rows) as i64));
        });
    }
}

/// Runs `body` for whole tiles of `rows` rows and once for the rest: with the number of rows and the first row.
pub(super) fn each_tile(
    builder: &mut KernelBuilder,
    name: &str,
    total: usize,
    rows: usize,
    mut body: impl FnMut(&mut KernelBuilder, usize, Affine),
) {
    let whole = total / rows;
    if whole > 0 {
        builder.for_each(name, whole, |builder, tile| body(builder, rows, tile * rows as i64));
    }
    if !total.is_multiple_of(rows) {
        body(builder, total % rows, Affine::constant((whole * rows) as i64));
    }
}
