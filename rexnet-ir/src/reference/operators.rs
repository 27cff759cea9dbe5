//! Each operator by its definition.

mod along_axis;
mod movement;

use super::Array;
use crate::graph::{Activation, BinaryKind, Conv2d, Op, Pad, Pool2d, PoolKind};

/// The elements of `op`'s result, whose extents are `dims`.
pub(super) fn evaluate(op: &Op, operands: &[&Array], dims: &[usize]) -> Vec<f64> {
    match op {
        // Leaves have no operands to evaluate; the caller supplies their values.
        Op::Input | Op::Constant => Vec::new(),
        Op::Unary(function) => operands[0].data.iter().map(|&x| function.evaluate(x)).collect(),
        Op::Binary(kind) => broadcast(operands[0], operands[1], |a, b| kind.evaluate(a, b)),
        Op::PrefixAdd => {
            let mut result = operands[0].data.clone();
            add_prefix(&mut result, dims, operands[1]);
            result
        }
        Op::GlobalAveragePool => mean_over_map(operands[0]),
        Op::Reshape(_) | Op::Relayout(_) => operands[0].data.clone(),
        Op::Conv2d(attributes) => convolution(attributes, operands, dims),
        Op::BatchNorm(norm) => {
            let channel_size: usize = dims[2..].iter().product();
            let [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map(|operand| &operands[operand].data);
            x.iter()
                .enumerate()
                .map(|(at, x)| {
                    let c = at / channel_size % dims[1];
                    (x - mean[c]) / (variance[c] + norm.epsilon).sqrt() * scale[c] + bias[c]
                })
                .collect()
        }
        Op::Slice(slice) => {
            let (outer, inner) = around(&operands[0].dims, slice.axis);
            let extent = operands[0].dims[slice.axis];
            (0..outer)
                .flat_map(|o| (o * extent + slice.start) * inner..(o * extent + slice.end) * inner)
                .map(|at| operands[0].data[at])
                .collect()
        }
        Op::Concat(concat) => {
            let (outer, inner) = around(dims, concat.axis);
            let mut result = Vec::with_capacity(dims.iter().product());
            for o in 0..outer {
                for operand in operands {
                    let run = operand.dims[concat.axis] * inner;
                    result.extend_from_slice(&operand.data[o * run..(o + 1) * run]);
                }
            }
            result
        }
        Op::Transpose(transpose) => movement::transposed(operands[0], &transpose.order, dims),
        Op::Expand(_) => movement::expanded(operands[0], dims),
        Op::DepthToSpace(depth) => movement::depth_to_space(depth, operands[0], dims),
        Op::Reduce(reduce) => along_axis::reduced(reduce, operands[0]),
        Op::Softmax(softmax) => along_axis::softmax(operands[0], softmax.axis),
        Op::Resize(resize) => along_axis::resized(resize, operands[0]),
        Op::Pad(pad) => padded(operands[0], pad, dims),
        Op::Gather(gather) => movement::chosen(gather, operands[0]),
        Op::MaxUnpool(unpool) => movement::max_unpooled(unpool, operands[0], operands[1]),
        Op::Pool2d(pool) => pooling(pool, operands[0], dims),
        Op::Dense(dense) => {
            let bias = dense.bias.then(|| operands[2]);
            layer(operands[0], operands[1], bias, dense.activation)
        }
        Op::SqueezeExcite(attributes) => {
            let (n, c) = (dims[0], dims[1]);
            let squeezed = Array::new(vec![n, c], mean_over_map(operands[0]));
            let reduced = layer(&squeezed, operands[1], Some(operands[2]), Some(attributes.activation));
            let reduced = Array::new(vec![n, operands[1].dims[0]], reduced);
            layer(&reduced, operands[3], Some(operands[4]), Some(attributes.gate))
        }
    }
}

/// The larger of two numbers, NaN where one is.
fn larger(a: f64, b: f64) -> f64 {
    BinaryKind::Maximum.evaluate(a, b)
}

/// The product of the extents before and after `axis`.
fn around(dims: &[usize], axis: usize) -> (usize, usize) {
    (dims[..axis].iter().product(), dims[axis + 1..].iter().product())
}

/// `b` has the shape of `a` or one value a channel.
fn broadcast(a: &Array, b: &Array, apply: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let map = if a.dims == b.dims { 1 } else { a.dim(2) * a.dim(3) };
    a.data.iter().enumerate().map(|(at, &x)| apply(x, b.data[at / map % b.data.len()])).collect()
}

fn add_prefix(result: &mut [f64], dims: &[usize], part: &Array) {
    let map = dims[2] * dims[3];
    let (whole_run, part_run) = (dims[1] * map, part.dims[1] * map);
    for (whole, part) in result.chunks_mut(whole_run).zip(part.data.chunks(part_run)) {
        for (whole, part) in whole.iter_mut().zip(part) {
            *whole += part;
        }
    }
}

fn mean_over_map(x: &Array) -> Vec<f64> {
    let map = x.dim(2) * x.dim(3);
    x.data.chunks(map).map(|channel| channel.iter().sum::<f64>() / map as f64).collect()
}

/// `x: [n, k]` times the transpose of `weight: [m, k, ...]`.
fn layer(x: &Array, weight: &Array, bias: Option<&Array>, activation: Option<Activation>) -> Vec<f64> {
    let (k, m) = (x.dims[1], weight.dims[0]);
    let mut result = Vec::with_capacity(x.dims[0] * m);
    for row in x.data.chunks(k) {
        for (channel, weights) in weight.data.chunks(k).enumerate() {
            let start = bias.map_or(0.0, |bias| bias.data[channel]);
            let sum = row.iter().zip(weights).fold(start, |sum, (x, w)| sum + x * w);
            result.push(activation.map_or(sum, |function| function.evaluate(sum)));
        }
    }
    result
}

fn convolution(conv: &Conv2d, operands: &[&Array], dims: &[usize]) -> Vec<f64> {
    let (x, weight) = (operands[0], operands[1]);
    let mut optional = operands[2..].iter();
    let bias = conv.bias.then(|| optional.next()).flatten();
    let gate = conv.gate.then(|| optional.next()).flatten();
    let shortcut = conv.shortcut.then(|| optional.next()).flatten();

    let (channels, height, width) = (x.dim(1), x.dim(2), x.dim(3));
    let mut input = x.data.clone();
    for (at, value) in input.iter_mut().enumerate() {
        if let Some(gate) = gate {
            *value *= gate.data[at / (height * width)];
        }
        if let Some(function) = conv.input_activation {
            *value = function.evaluate(*value);
        }
    }
    let (per_group, kernel) = (weight.dim(1), [weight.dim(2), weight.dim(3)]);
    let outputs_per_group = dims[1] / conv.groups;
    let (out_h, out_w) = (dims[2], dims[3]);
    let mut result = vec![0.0; dims.iter().product()];
    for (plane, out) in result.chunks_mut(out_h * out_w).enumerate() {
        let (n, m) = (plane / dims[1], plane % dims[1]);
        out.fill(bias.map_or(0.0, |bias| bias.data[m]));
        for c in 0..per_group {
            let source = n * channels + m / outputs_per_group * per_group + c;
            let map = &input[source * height * width..(source + 1) * height * width];
            for (ky, kx) in (0..kernel[0]).flat_map(|ky| (0..kernel[1]).map(move |kx| (ky, kx))) {
                if !(conv.covers(m, kernel[0], ky) && conv.covers(m, kernel[1], kx)) {
                    continue;
                }
                let w = weight.data[((m * per_group + c) * kernel[0] + ky) * kernel[1] + kx];
                for oy in 0..out_h {
                    let Some(y) = position(oy, ky, conv.stride[0], conv.dilation[0], conv.pad[0], height)
                    else {
                        continue;
                    };
                    for ox in 0..out_w {
                        if let Some(x) =
                            position(ox, kx, conv.stride[1], conv.dilation[1], conv.pad[1], width)
                        {
                            out[oy * out_w + ox] += w * map[y * width + x];
                        }
                    }
                }
            }
        }
        if let Some(function) = conv.activation {
            out.iter_mut().for_each(|value| *value = function.evaluate(*value));
        }
    }
    if let Some(shortcut) = shortcut {
        add_prefix(&mut result, dims, shortcut);
    }
    result
}

/// The input coordinate of a tap; `None` in the padding.
pub(super) fn position(
    out: usize,
    tap: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
    extent: usize,
) -> Option<usize> {
    (out * stride + tap * dilation).checked_sub(pad).filter(|&at| at < extent)
}

fn padded(x: &Array, Pad { pad, value }: &Pad, dims: &[usize]) -> Vec<f64> {
    let (height, width) = (x.dim(2), x.dim(3));
    let mut result = vec![*value; dims.iter().product()];
    for (to, from) in result.chunks_mut(dims[2] * dims[3]).zip(x.data.chunks(height * width)) {
        for (y, row) in from.chunks(width).enumerate() {
            to[(y + pad[0]) * dims[3] + pad[1]..][..width].copy_from_slice(row);
        }
    }
    result
}

fn pooling(pool: &Pool2d, x: &Array, dims: &[usize]) -> Vec<f64> {
    let (height, width) = (x.dim(2), x.dim(3));
    let mut result = Vec::with_capacity(dims.iter().product());
    for map in x.data.chunks(height * width) {
        for (oy, ox) in (0..dims[2]).flat_map(|oy| (0..dims[3]).map(move |ox| (oy, ox))) {
            let inside = (0..pool.kernel[0])
                .flat_map(|ky| (0..pool.kernel[1]).map(move |kx| (ky, kx)))
                .filter_map(|(ky, kx)| {
                    let y = position(oy, ky, pool.stride[0], pool.dilation[0], pool.pad[0], height)?;
                    let x = position(ox, kx, pool.stride[1], pool.dilation[1], pool.pad[1], width)?;
                    Some(map[y * width + x])
                });
            result.push(match pool.kind {
                PoolKind::Average => {
                    let (sum, count) = inside.fold((0.0, 0), |(sum, count), x| (sum + x, count + 1));
                    sum / f64::from(count)
                }
                PoolKind::Max => inside.fold(f64::NEG_INFINITY, larger),
            });
        }
    }
    result
}
