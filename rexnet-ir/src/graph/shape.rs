//! Shape rules: the type of a result from those of its operands.

use super::{
    Coordinates, Function, Interpolation, KernelSlice, MAX_ELEMENTS, Op, Reduce, Softmax, TensorType,
};
use crate::diagnostic::{Code, Diagnostic, Location};

/// The most rows or columns that an interpolation may make: each can need code of its own.
const MAX_RESIZED: usize = 1 << 13;

/// The most elements that all places of an antialiased interpolation may look at together.
const MAX_RESIZE_TAPS: usize = 1 << 20;

/// Why an operator does not fit its operands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShapeFault {
    code: Code,
    cause: String,
}

impl ShapeFault {
    pub(super) fn at(self, name: &str) -> Diagnostic {
        Diagnostic::new(self.code, Location::Name(name.to_owned()), self.cause)
    }
}

fn fault<T>(cause: impl Into<String>) -> Result<T, ShapeFault> {
    Err(ShapeFault { code: Code::GraphInvalid, cause: cause.into() })
}

/// Extents are positive, rank is 1 to 4, and the padded tensor stays within [`MAX_ELEMENTS`].
pub(super) fn check_extents(ty: &TensorType) -> Result<(), ShapeFault> {
    if ty.dims.is_empty() || ty.dims.len() > 4 {
        return fault(format!("rank {} is not within 1 to 4", ty.dims.len()));
    }
    if ty.dims.contains(&0) {
        return fault(format!("the shape {:?} has an extent of zero", ty.dims));
    }
    // Padding to 8 multiplies by 8 at most.
    let padded = ty.dims.iter().try_fold(8usize, |product, &extent| product.checked_mul(extent));
    if padded.is_none_or(|padded| padded / 8 > MAX_ELEMENTS || padded > MAX_ELEMENTS * 8) {
        return Err(ShapeFault {
            code: Code::GraphTooLarge,
            cause: format!("a tensor of shape {:?} has more than 2^29 elements", ty.dims),
        });
    }
    Ok(())
}

/// The type of `op`'s result, in the users' layout.
pub(super) fn infer(op: &Op, operands: &[&TensorType]) -> Result<TensorType, ShapeFault> {
    if !op.arity().contains(&operands.len()) {
        return fault(format!("{} does not take {} operands", op.name(), operands.len()));
    }
    let dims = match op {
        Op::Input | Op::Constant => return fault("an input or constant has no operands to infer from"),
        Op::Binary(_) => {
            let (a, b) = (&operands[0].dims, &operands[1].dims);
            if a != b && !broadcasts_over_map(a, b) {
                return fault(format!("operands of shapes {a:?} and {b:?} do not broadcast"));
            }
            a.clone()
        }
        Op::PrefixAdd => {
            let (a, b) = (operands[0], operands[1]);
            rank4(a)?;
            expect_prefix(a, b)?;
            a.dims.clone()
        }
        Op::GlobalAveragePool => {
            rank4(operands[0])?;
            vec![operands[0].batch(), operands[0].channels(), 1, 1]
        }
        Op::Reshape(reshape) => match reshape.dims(&operands[0].dims) {
            Ok(dims) => dims,
            Err(cause) => return fault(cause),
        },
        Op::Pad(pad) => {
            let x = operands[0];
            rank4(x)?;
            let padded = |extent: usize, before: usize, after: usize| {
                extent.checked_add(before).and_then(|sum| sum.checked_add(after)).unwrap_or(usize::MAX)
            };
            let [top, left, bottom, right] = pad.pad;
            vec![x.batch(), x.channels(), padded(x.height(), top, bottom), padded(x.width(), left, right)]
        }
        Op::Conv2d(conv) => {
            let (x, w) = (operands[0], operands[1]);
            rank4(x)?;
            rank4(w)?;
            let expected = 2 + [conv.bias, conv.gate, conv.shortcut].into_iter().filter(|&flag| flag).count();
            if operands.len() != expected {
                return fault(format!(
                    "conv2d has {} operands, its flags ask for {expected}",
                    operands.len()
                ));
            }
            let (m, per_group) = (w.dims[0], w.dims[1]);
            if conv.groups == 0
                || m % conv.groups != 0
                || per_group.checked_mul(conv.groups) != Some(x.channels())
            {
                return fault(format!(
                    "a weight of shape {:?} in {} groups does not fit {} input channels",
                    w.dims,
                    conv.groups,
                    x.channels()
                ));
            }
            if !conv.slices.is_empty() {
                let side = w.dims[2];
                let fits = |slice: &KernelSlice| {
                    slice.kernel > 0
                        && slice.channels > 0
                        && slice.kernel <= side
                        && (side - slice.kernel).is_multiple_of(2)
                        && conv.pad.iter().all(|&pad| pad >= (side - slice.kernel) / 2)
                };
                let channels =
                    conv.slices.iter().try_fold(0usize, |sum, slice| sum.checked_add(slice.channels));
                let depthwise = conv.each_channel_alone(x.channels(), &w.dims);
                let square = w.dims[3] == side && conv.dilation == [1, 1];
                if !(depthwise && square) || channels != Some(m) || !conv.slices.iter().all(fits) {
                    return fault(format!(
                        "slices of kernels {:?} do not fit a weight of shape {:?} in {} groups",
                        conv.slices, w.dims, conv.groups
                    ));
                }
            }
            let mut next = 2;
            if conv.bias {
                expect_dims(operands[next], &[m], "bias")?;
                next += 1;
            }
            if conv.gate {
                expect_dims(operands[next], &[x.batch(), x.channels(), 1, 1], "gate")?;
                next += 1;
            }
            let h =
                window(x.height(), w.dims[2], conv.stride[0], [conv.pad[0], conv.pad[2]], conv.dilation[0])?;
            let width =
                window(x.width(), w.dims[3], conv.stride[1], [conv.pad[1], conv.pad[3]], conv.dilation[1])?;
            let result = TensorType::nchw([x.batch(), m, h, width]);
            if conv.shortcut {
                expect_prefix(&result, operands[next])?;
            }
            result.dims
        }
        Op::BatchNorm(_) => {
            for (operand, role) in operands[1..].iter().zip(["scale", "bias", "mean", "variance"]) {
                expect_dims(operand, &[operands[0].channels()], role)?;
            }
            if operands[0].dims.len() < 2 {
                return fault("batch_norm needs a channel axis");
            }
            operands[0].dims.clone()
        }
        Op::Unary(Function::Clip { min, max }) if min.is_nan() || max.is_nan() || min > max => {
            return fault(format!("the bounds {min} and {max} are not in order"));
        }
        Op::Unary(_) | Op::Relayout(_) => operands[0].dims.clone(),
        Op::Slice(slice) => {
            let mut dims = operands[0].dims.clone();
            match dims.get_mut(slice.axis) {
                Some(extent) if slice.start < slice.end && slice.end <= *extent => {
                    *extent = slice.end - slice.start;
                }
                _ => {
                    return fault(format!(
                        "elements {}..{} of axis {} are not in shape {dims:?}",
                        slice.start, slice.end, slice.axis
                    ));
                }
            }
            dims
        }
        Op::Gather(gather) => {
            let mut dims = operands[0].dims.clone();
            let Some(extent) = dims.get_mut(gather.axis) else {
                return fault(format!("there is no axis {} in shape {dims:?}", gather.axis));
            };
            match (gather.indices.fault(*extent), gather.indices.count()) {
                (None, Some(count)) => *extent = count,
                (cause, _) => return fault(cause.unwrap_or_else(|| "the indices are too many".to_owned())),
            }
            dims
        }
        Op::Concat(concat) => {
            let mut dims = operands[0].dims.clone();
            if concat.axis >= dims.len() {
                return fault(format!("there is no axis {} in shape {dims:?}", concat.axis));
            }
            for operand in &operands[1..] {
                let same_but_axis = operand.dims.len() == dims.len()
                    && (0..dims.len()).all(|axis| axis == concat.axis || operand.dims[axis] == dims[axis]);
                if !same_but_axis {
                    return fault(format!("shape {:?} cannot follow {dims:?}", operand.dims));
                }
                dims[concat.axis] += operand.dims[concat.axis];
            }
            dims
        }
        Op::Transpose(transpose) => {
            let dims = &operands[0].dims;
            let mut sorted = transpose.order.clone();
            sorted.sort_unstable();
            if !sorted.iter().copied().eq(0..dims.len()) {
                return fault(format!("{:?} is no order of the axes of {dims:?}", transpose.order));
            }
            transpose.order.iter().map(|&axis| dims[axis]).collect()
        }
        Op::Expand(expand) => {
            let (from, to) = (&operands[0].dims, &expand.dims);
            let new = to.len().checked_sub(from.len());
            let fits = |new: usize| from.iter().zip(&to[new..]).all(|(from, to)| from == to || *from == 1);
            if !new.is_some_and(fits) {
                return fault(format!("shape {from:?} does not stretch to {to:?}"));
            }
            to.clone()
        }
        Op::Reduce(Reduce { axis, .. }) => {
            let mut dims = operands[0].dims.clone();
            match dims.get_mut(*axis) {
                Some(extent) => *extent = 1,
                None => return fault(format!("there is no axis {axis} in shape {dims:?}")),
            }
            dims
        }
        Op::Softmax(Softmax { axis }) => {
            let dims = &operands[0].dims;
            if *axis >= dims.len() {
                return fault(format!("there is no axis {axis} in shape {dims:?}"));
            }
            dims.clone()
        }
        Op::Resize(resize) => {
            let x = operands[0];
            rank4(x)?;
            if !matches!(resize.axis, 2 | 3) || !(1..=MAX_RESIZED).contains(&resize.size) {
                return fault(format!(
                    "axis {} resized to {}: height or width can be, to at most {MAX_RESIZED}",
                    resize.axis, resize.size
                ));
            }
            if !(resize.scale.is_finite() && resize.scale > 0.0) {
                return fault(format!("the scale {} is not positive", resize.scale));
            }
            if resize.coordinates == Coordinates::HalfPixelWhole
                && matches!(resize.interpolation, Interpolation::Linear | Interpolation::Cubic)
            {
                return fault("coordinates half_pixel_whole are of elements that are taken whole");
            }
            if resize.antialias && resize.width() * resize.size as f64 > MAX_RESIZE_TAPS as f64 {
                return fault(format!(
                    "antialiasing of {} places by a scale of {} looks at too many elements",
                    resize.size, resize.scale
                ));
            }
            let mut dims = x.dims.clone();
            dims[resize.axis] = resize.size;
            dims
        }
        Op::DepthToSpace(depth) => {
            let x = operands[0];
            rank4(x)?;
            let [height, width] = depth.block;
            let (Some(places), [Some(tall), Some(wide)]) = (
                height.checked_mul(width).filter(|&places| places > 0 && x.channels().is_multiple_of(places)),
                [x.height().checked_mul(height), x.width().checked_mul(width)],
            ) else {
                return fault(format!("{} channels are no blocks of {height}×{width}", x.channels()));
            };
            vec![x.batch(), x.channels() / places, tall, wide]
        }
        Op::Pool2d(pool) => {
            let x = operands[0];
            rank4(x)?;
            let [h, w] = pooled(x, pool.kernel, pool.stride, pool.pad, pool.dilation)?;
            vec![x.batch(), x.channels(), h, w]
        }
        Op::MaxUnpool(unpool) => {
            let (values, map) = (operands[0], operands[1]);
            rank4(map)?;
            let [h, w] = pooled(map, unpool.kernel, unpool.stride, unpool.pad, unpool.dilation)?;
            expect_dims(values, &[map.batch(), map.channels(), h, w], "list of values, one a window,")?;
            map.dims.clone()
        }
        Op::Dense(dense) => {
            let (x, w) = (operands[0], operands[1]);
            let matrix = w.dims.len() == 2 || w.dims.len() == 4 && w.dims[2..] == [1, 1];
            if x.dims.len() != 2 || !matrix || x.dims[1] != w.dims[1] {
                return fault(format!(
                    "a weight of shape {:?} does not fit an input of {:?}",
                    w.dims, x.dims
                ));
            }
            if operands.len() != 2 + usize::from(dense.bias) {
                return fault("the number of operands and the bias flag disagree");
            }
            if dense.bias {
                expect_dims(operands[2], &[w.dims[0]], "bias")?;
            }
            vec![x.dims[0], w.dims[0]]
        }
        Op::SqueezeExcite(_) => {
            let (x, reduce) = (operands[0], operands[1]);
            rank4(x)?;
            let (c, r) = (x.channels(), reduce.dims[0]);
            expect_matrix(reduce, r, c, "reducing weight")?;
            expect_dims(operands[2], &[r], "reducing bias")?;
            expect_matrix(operands[3], c, r, "expanding weight")?;
            expect_dims(operands[4], &[c], "expanding bias")?;
            vec![x.batch(), c, 1, 1]
        }
    };
    let ty = TensorType::nchw(dims);
    check_extents(&ty)?;
    Ok(ty)
}

/// Whether `b` is one value a channel: `[n or 1, c, 1, 1]` beside `[n, c, h, w]`.
fn broadcasts_over_map(a: &[usize], b: &[usize]) -> bool {
    a.len() == 4 && b.len() == 4 && (b[0] == a[0] || b[0] == 1) && b[1] == a[1] && b[2] == 1 && b[3] == 1
}

fn rank4(ty: &TensorType) -> Result<(), ShapeFault> {
    if ty.dims.len() == 4 { Ok(()) } else { fault(format!("shape {:?} is not of rank 4", ty.dims)) }
}

fn expect_dims(ty: &TensorType, dims: &[usize], role: &str) -> Result<(), ShapeFault> {
    if ty.dims == dims {
        return Ok(());
    }
    fault(format!("the {role} has shape {:?}, not {dims:?}", ty.dims))
}

/// `[rows, columns]`, or the filters of a 1×1 convolution.
fn expect_matrix(ty: &TensorType, rows: usize, columns: usize, role: &str) -> Result<(), ShapeFault> {
    if ty.dims == [rows, columns] { Ok(()) } else { expect_dims(ty, &[rows, columns, 1, 1], role) }
}

fn expect_prefix(whole: &TensorType, part: &TensorType) -> Result<(), ShapeFault> {
    let fits = part.dims.len() == 4
        && part.batch() == whole.batch()
        && part.channels() <= whole.channels()
        && part.dims[2..] == whole.dims[2..];
    if fits {
        return Ok(());
    }
    fault(format!("a shortcut of shape {:?} does not fit the first channels of {:?}", part.dims, whole.dims))
}

/// The numbers of windows of a pooling along y and x, each of which has a tap in the map.
fn pooled(
    x: &TensorType,
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 4],
    dilation: [usize; 2],
) -> Result<[usize; 2], ShapeFault> {
    let axis = |axis: usize| {
        let of_axis = [pad[axis], pad[axis + 2]];
        let count = window(x.dims[2 + axis], kernel[axis], stride[axis], of_axis, dilation[axis])?;
        let reach = (kernel[axis] - 1) * dilation[axis] + 1;
        if of_axis[0].max(of_axis[1]) >= reach {
            return fault(format!("padding {pad:?} is not smaller than the window {kernel:?}"));
        }
        // Taps far apart can lie on both sides of a small map.
        if dilation[axis] > x.dims[2 + axis] && kernel[axis] > 1 && of_axis != [0, 0] {
            return fault(format!("taps {} apart can miss a map of {}", dilation[axis], x.dims[2 + axis]));
        }
        Ok(count)
    };
    Ok([axis(0)?, axis(1)?])
}

/// The number of positions of a window.
fn window(
    extent: usize,
    kernel: usize,
    stride: usize,
    pad: [usize; 2],
    dilation: usize,
) -> Result<usize, ShapeFault> {
    let reach = kernel
        .checked_sub(1)
        .and_then(|taps| taps.checked_mul(dilation))
        .and_then(|reach| reach.checked_add(1));
    let padded = extent.checked_add(pad[0]).and_then(|sum| sum.checked_add(pad[1]));
    match (reach, padded) {
        (Some(reach), Some(padded))
            if stride > 0 && dilation > 0 && reach <= padded && padded <= MAX_ELEMENTS =>
        {
            Ok((padded - reach) / stride + 1)
        }
        _ => fault(format!(
            "a window of {kernel} with stride {stride}, dilation {dilation} and padding {pad:?} does not fit an extent of {extent}"
        )),
    }
}
