//! Rows or columns interpolated. Which elements a place is made of is known now, so it stands in the code; where places
//! repeat each other at equal distances, as they do between the borders of a map, they are one loop.

use super::node::{NodeBuilder, Strides, images};
use crate::loops::{Affine, BinaryOp, Expression, Role};
use crate::target::Target;
use rexnet_ir::graph::{Node, NodeId, Resize, ResizeTap};

/// Places `first + k * step`, made of the same elements, `shift` further for each.
#[derive(Debug, PartialEq)]
struct Run {
    first: usize,
    step: usize,
    count: usize,
    shift: usize,
    taps: Vec<ResizeTap>,
}

/// All places, each in one run. `size` to `extent` in lowest terms is the step to the shift.
fn runs(resize: &Resize, extent: usize) -> Vec<Run> {
    let taps = resize.taps(extent);
    let divisor = greatest_common_divisor(resize.size, extent);
    let (step, shift) = (resize.size / divisor, extent / divisor);
    let mut runs: Vec<Run> = Vec::new();
    for first in 0..step.min(resize.size) {
        let mut open: Option<Run> = None;
        for place in (first..resize.size).step_by(step) {
            let taps = &taps[place];
            if let Some(run) = &mut open {
                let ahead = run.count * shift;
                let shifted = run.taps.iter().map(|&(element, factor)| (element + ahead, factor));
                if shifted.eq(taps.iter().copied()) {
                    run.count += 1;
                    continue;
                }
            }
            let run = Run { first: place, step, count: 1, shift, taps: taps.clone() };
            runs.extend(open.replace(run));
        }
        runs.extend(open);
    }
    runs
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// One axis of a map interpolated, channels in lanes.
pub(super) fn resize(node: &mut NodeBuilder<'_>, target: &Target, id: NodeId, resize: &Resize) {
    let Node { operands, ty, .. } = node.graph.node(id).clone();
    let input_ty = node.graph.node(operands[0]).ty.clone();
    let input = node.value("input", operands[0], Role::In);
    let output = node.value("output", id, Role::Out);
    let (from, to) = (Strides::of(&input_ty), Strides::of(&ty));
    let lanes = target.lanes.min(8);
    let runs = runs(resize, input_ty.dim(resize.axis));
    // The other axis of the map is not touched.
    let (other, [along, across], [along_to, across_to]) = match resize.axis {
        2 => ("x", [from.y, from.x], [to.y, to.x]),
        _ => ("y", [from.x, from.y], [to.x, to.y]),
    };
    let others = (other, 0..ty.dim(5 - resize.axis) as i64);
    node.builder.section(images(&ty), others, |builder, image, at| {
        for run in &runs {
            builder.for_each("k", run.count, |builder, k| {
                builder.for_each("c", ty.padded_channels() / lanes, |builder, c| {
                    let channel = c * lanes as i64;
                    let source = image.clone() * from.n
                        + at.clone() * across
                        + k.clone() * (run.shift as i64 * along)
                        + channel.clone();
                    let mut sum: Option<Expression> = None;
                    for &(element, factor) in &run.taps {
                        let place: Affine = source.clone() + element as i64 * along;
                        let value = builder.load(input, place, lanes);
                        let factor = Expression::f32(factor, lanes);
                        sum = Some(match sum {
                            None if run.taps.len() == 1 => value,
                            None => value.binary(BinaryOp::Mul, factor),
                            Some(sum) => value.fma(factor, sum),
                        });
                    }
                    let result = image.clone() * to.n
                        + at.clone() * across_to
                        + (k * run.step as i64 + run.first as i64) * along_to
                        + channel;
                    let sum = sum.unwrap_or_else(|| Expression::f32(0.0, lanes));
                    builder.store(output, result, sum);
                });
            });
        }
    });
}
