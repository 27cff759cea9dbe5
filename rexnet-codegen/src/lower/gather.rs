//! Elements chosen along an axis by constant indices. Runs of equal steps are loops, and equal runs at equal distances
//! are loops of loops; along any axis but the channels, whole pixels move.

use super::node::{NodeBuilder, Strides};
use super::padding;
use crate::loops::{Affine, KernelBuilder, Role};
use crate::target::Target;
use rexnet_ir::graph::{Gather, IndexRun, Indices, Node, NodeId, TensorType};

/// Equal runs, `count` of them, whose starts are `step` apart; their results follow each other from `first` on.
#[derive(Debug, PartialEq)]
struct Block {
    first: usize,
    run: IndexRun,
    step: i64,
    count: usize,
}

fn blocks(indices: &Indices) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut first = 0;
    for &run in indices.runs() {
        let continued = blocks.last_mut().is_some_and(|block| {
            let distance = run.start as i64 - block.run.start as i64;
            let alike = (run.step, run.count) == (block.run.step, block.run.count);
            let fits = alike && (block.count == 1 || distance == block.step * block.count as i64);
            if fits {
                block.step = if block.count == 1 { distance } else { block.step };
                block.count += 1;
            }
            fits
        });
        if !continued {
            blocks.push(Block { first, run, step: 0, count: 1 });
        }
        first += run.count;
    }
    blocks
}

/// One axis of the operand, chosen anew.
pub(super) fn gather(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, gather: &Gather) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let (from, to) = (Strides::of(&input_ty), Strides::of(&ty));
    let lanes = if from.c == 1 { target.lanes.min(8) } else { 1 };
    let blocks = blocks(&gather.indices);
    let channels = gather.axis == 1;
    let builder = &mut node.builder;
    each_place(builder, gather.axis, (&input_ty, &ty), |builder, source, result| {
        for Block { first, run, step, count } in &blocks {
            builder.for_each("run", *count, |builder, at| {
                let source =
                    source.clone() + (at.clone() * *step + run.start as i64) * from.along(gather.axis);
                let result = result.clone() + (at * run.count as i64 + *first as i64) * to.along(gather.axis);
                let moved = |builder: &mut KernelBuilder, begin: usize, count: usize, lanes: usize| {
                    builder.for_each("k", count, |builder, k| {
                        let k = k * lanes as i64 + begin as i64;
                        let value = builder.load(
                            input,
                            source.clone() + k.clone() * (run.step as i64 * from.c),
                            lanes,
                        );
                        builder.store(output, result.clone() + k, value);
                    });
                };
                if channels {
                    // Channels that follow each other are loaded together.
                    let whole = if run.step == 1 && lanes > 1 { run.count / lanes } else { 0 };
                    moved(builder, 0, whole, lanes);
                    moved(builder, whole * lanes, run.count - whole * lanes, 1);
                    return;
                }
                builder.for_each("k", run.count, |builder, k| {
                    let pixel = source.clone() + k.clone() * (run.step as i64 * from.along(gather.axis));
                    let there = result.clone() + k * to.along(gather.axis);
                    builder.for_each(
                        "c",
                        if lanes > 1 { ty.padded_channels() / lanes } else { ty.channels() },
                        |builder, c| {
                            let c = c * lanes as i64;
                            let value = builder.load(input, pixel.clone() + c.clone() * from.c, lanes);
                            builder.store(output, there.clone() + c, value);
                        },
                    );
                });
            });
        }
    });
    if channels || lanes == 1 {
        padding::clear_always(builder, output, &ty);
    }
}

/// Loops over the places of the axes that are neither `axis` nor the channels.
fn each_place(
    builder: &mut KernelBuilder,
    axis: usize,
    (input, output): (&TensorType, &TensorType),
    body: impl FnOnce(&mut KernelBuilder, Affine, Affine),
) {
    let (from, to) = (Strides::of(input), Strides::of(output));
    let mut others = [0, 2, 3].into_iter().filter(|&other| other != axis);
    let others = [others.next(), others.next(), others.next()];
    let extent = |place: usize| others[place].map_or(1, |axis| input.dim(axis));
    let stride = |place: usize, strides: &Strides| others[place].map_or(0, |axis| strides.along(axis));
    builder.section(("i", 0..extent(0) as i64), ("j", 0..extent(1) as i64), |builder, i, j| {
        builder.for_each("x", extent(2), |builder, x| {
            let at = |strides: &Strides| {
                i.clone() * stride(0, strides)
                    + j.clone() * stride(1, strides)
                    + x.clone() * stride(2, strides)
            };
            body(builder, at(&from), at(&to));
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_of_channels_is_one_loop_of_loops() {
        let shuffled: Vec<usize> = (0..58).flat_map(|c| [c, 58 + c]).collect();
        let run = IndexRun { start: 0, step: 58, count: 2 };
        assert_eq!(blocks(&Indices::of(&shuffled)), [Block { first: 0, run, step: 1, count: 58 }]);
        let tiled = blocks(&Indices::repeated(5, 3));
        let run = IndexRun { start: 0, step: 1, count: 5 };
        assert_eq!(tiled, [Block { first: 0, run, step: 0, count: 3 }]);
    }
}
