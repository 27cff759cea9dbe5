//! Operators that move elements.

use super::super::Array;
use super::{around, position};
use crate::graph::{DepthOrder, DepthToSpace, Gather, MaxUnpool};

/// The distance in memory between neighbours along each axis, row-major.
fn strides(dims: &[usize]) -> Vec<usize> {
    (0..dims.len()).map(|axis| dims[axis + 1..].iter().product()).collect()
}

/// The elements at the places that `strides`, one an axis of the result, lead to.
fn gathered(x: &Array, dims: &[usize], strides: &[usize]) -> Vec<f64> {
    let place = |mut at: usize| {
        let mut place = 0;
        for (extent, stride) in dims.iter().zip(strides).rev() {
            place += at % extent * stride;
            at /= extent;
        }
        place
    };
    (0..dims.iter().product()).map(|at| x.data[place(at)]).collect()
}

pub(super) fn transposed(x: &Array, order: &[usize], dims: &[usize]) -> Vec<f64> {
    let own = strides(&x.dims);
    let moved: Vec<usize> = order.iter().map(|&axis| own[axis]).collect();
    gathered(x, dims, &moved)
}

pub(super) fn expanded(x: &Array, dims: &[usize]) -> Vec<f64> {
    let mut stretched = vec![0; dims.len() - x.dims.len()];
    let own = strides(&x.dims);
    stretched.extend(x.dims.iter().zip(own).map(|(&extent, stride)| if extent == 1 { 0 } else { stride }));
    gathered(x, dims, &stretched)
}

pub(super) fn depth_to_space(depth: &DepthToSpace, x: &Array, dims: &[usize]) -> Vec<f64> {
    let [bh, bw] = depth.block;
    let &[n, c, h, w] = dims else { return Vec::new() };
    let mut result = Vec::with_capacity(n * c * h * w);
    for image in 0..n {
        for channel in 0..c {
            for (y, column) in (0..h).flat_map(|y| (0..w).map(move |column| (y, column))) {
                let place = y % bh * bw + column % bw;
                let source = match depth.order {
                    DepthOrder::BlockFirst => place * c + channel,
                    DepthOrder::ChannelFirst => channel * bh * bw + place,
                };
                let row = (image * x.dim(1) + source) * x.dim(2) + y / bh;
                result.push(x.data[row * x.dim(3) + column / bw]);
            }
        }
    }
    result
}

pub(super) fn chosen(gather: &Gather, x: &Array) -> Vec<f64> {
    let (outer, inner) = around(&x.dims, gather.axis);
    let extent = x.dims[gather.axis];
    (0..outer)
        .flat_map(|o| gather.indices.iter().map(move |index| (o * extent + index) * inner))
        .flat_map(|start| &x.data[start..start + inner])
        .copied()
        .collect()
}

pub(super) fn max_unpooled(unpool: &MaxUnpool, values: &Array, map: &Array) -> Vec<f64> {
    let (height, width) = (map.dim(2), map.dim(3));
    let (rows, columns) = (values.dim(2), values.dim(3));
    let mut result = vec![0.0; map.data.len()];
    let planes = result.chunks_mut(height * width).zip(map.data.chunks(height * width));
    for ((to, map), values) in planes.zip(values.data.chunks(rows * columns)) {
        for (window, &value) in values.iter().enumerate() {
            let (oy, ox) = (window / columns, window % columns);
            let mut best: Option<usize> = None;
            for (ky, kx) in (0..unpool.kernel[0]).flat_map(|ky| (0..unpool.kernel[1]).map(move |kx| (ky, kx)))
            {
                let y = position(oy, ky, unpool.stride[0], unpool.dilation[0], unpool.pad[0], height);
                let x = position(ox, kx, unpool.stride[1], unpool.dilation[1], unpool.pad[1], width);
                let Some((y, x)) = y.zip(x) else { continue };
                let at = y * width + x;
                if !map[at].is_nan() && best.is_none_or(|best| map[at] > map[best]) {
                    best = Some(at);
                }
            }
            if let Some(at) = best {
                to[at] = value;
            }
        }
    }
    result
}
