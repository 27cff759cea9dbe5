//! Conv, BatchNormalization.

use super::Call;
use super::gather::chosen;
use super::indexing::rearranged;
use super::pad::filled;
use super::pooling::map_extents;
use super::shape::count;
use super::view::View;
use super::window::{Window, numbers, windows};
use crate::graph::{BatchNorm, BinaryKind, Conv2d, Indices, Op};
use crate::onnx::constant::{Constant, Elements};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// The filters of a convolution, which must be known.
pub(super) fn known_filters(call: &Call<'_, '_, '_>) -> Result<Constant, String> {
    match call.input(1)? {
        Value::Constant(_, constant) => Ok(constant.clone()),
        _ => Err("weights that are computed from an input are not supported".to_owned()),
    }
}

/// Checks an attribute that only repeats the extents of the filters.
pub(super) fn check_kernel(call: &Call<'_, '_, '_>, kernel: &[usize]) -> Result<(), String> {
    if call.attributes.has("kernel_shape")
        && numbers(&call.attributes, "kernel_shape", kernel.len())? != kernel
    {
        return Err(format!("kernel_shape differs from the weight's {kernel:?}"));
    }
    Ok(())
}

pub(super) fn conv(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.view(0)?;
    let filters = known_filters(call)?;
    let extents = map_extents(&x)?.to_vec();
    let kernel = match filters.dims() {
        [_, _, kernel @ ..] if kernel.len() == extents.len() => kernel.to_vec(),
        dims => return Err(format!("a weight of shape {dims:?} for an input of shape {:?}", x.dims)),
    };
    check_kernel(call, &kernel)?;
    let windows = windows(call, &extents, &kernel)?;
    let groups = usize::try_from(call.attributes.int("group", 1)?).map_err(|_| "group is negative")?;
    let result = convolved(call, &x, &filters, &windows, groups)?;
    call.viewed(result)
}

/// A convolution along any number of axes, with the bias of input 2.
pub(super) fn convolved(
    call: &mut Call<'_, '_, '_>,
    x: &View,
    filters: &Constant,
    windows: &[Window],
    groups: usize,
) -> Result<View, String> {
    match *windows {
        [horizontal] => {
            let flat = |dims: &[usize]| vec![dims[0], dims[1], 1, dims[2]];
            let own = View { id: x.id, dims: flat(&x.dims) };
            let filters = filters.clone().reshaped(flat(filters.dims()))?;
            let mut result = planar(call, &own, &filters, [Window::single(1), horizontal], groups)?;
            result.dims.remove(2);
            Ok(result)
        }
        [vertical, horizontal] => planar(call, x, filters, [vertical, horizontal], groups),
        [deep, ref rest @ ..] => in_slices(call, x, filters, (deep, rest), groups),
        [] => Err("there is no map".to_owned()),
    }
}

/// A convolution of rows and columns.
fn planar(
    call: &mut Call<'_, '_, '_>,
    x: &View,
    filters: &Constant,
    windows: [Window; 2],
    groups: usize,
) -> Result<View, String> {
    let own = matches!(call.input(1)?, Value::Constant(_, own) if own == filters);
    let name = format!("{}.weight", call.name);
    let weight = if own { call.data(1)? } else { call.importer.constant_node(&name, filters)? };
    let node = call.shaped(x, x.dims.clone())?;
    let [vertical, horizontal] = windows;
    let mut operands = vec![node, weight];
    let channels = filters.dims()[0];
    // A bias that is computed is added afterwards.
    let bias = matches!(call.optional(2), Some(Value::Constant(..)));
    if bias {
        operands.push(call.data(2)?);
    }
    let attributes = Conv2d {
        stride: [vertical.stride, horizontal.stride],
        pad: [vertical.pad[0], horizontal.pad[0], vertical.pad[1], horizontal.pad[1]],
        dilation: [vertical.dilation, horizontal.dilation],
        groups,
        bias,
        ..Conv2d::pointwise()
    };
    let id = call.add(Op::Conv2d(attributes), &operands)?;
    let result = View { id, dims: call.type_of(id).dims.clone() };
    if bias { Ok(result) } else { with_bias(call, result, channels) }
}

/// Adds input 2, one value a channel, where it is given.
fn with_bias(call: &mut Call<'_, '_, '_>, view: View, channels: usize) -> Result<View, String> {
    if call.optional(2).is_none() {
        return Ok(view);
    }
    let bias = call.view(2)?;
    if bias.dims != [channels] {
        return Err(format!("a bias of shape {:?} for {channels} channels", bias.dims));
    }
    let bias = call.shaped(&bias, vec![1, channels, 1, 1])?;
    let x = call.shaped(&view, view.dims.clone())?;
    let id = call.add(BinaryKind::Add.into(), &[x, bias])?;
    Ok(View { id, dims: view.dims })
}

/// The elements under the taps of an axis: `axis` becomes two, windows and taps.
fn taken_apart(call: &mut Call<'_, '_, '_>, x: &View, axis: usize, window: &Window) -> Result<View, String> {
    let count = window.count()?;
    let mut pads = vec![[0; 2]; x.dims.len()];
    pads[axis] = window.pad;
    let padded = filled(call, x, &pads, 0.0)?;
    call.charge(count.checked_mul(window.kernel).ok_or("the windows are too many")?)?;
    let places: Vec<usize> = (0..count)
        .flat_map(|at| (0..window.kernel).map(move |tap| at * window.stride + tap * window.dilation))
        .collect();
    let mut result = chosen(call, &padded, axis, "taps", Indices::of(&places))?;
    result.dims[axis] = count;
    result.dims.insert(axis + 1, window.kernel);
    Ok(result)
}

/// A convolution along more axes than two: the taps of the first become channels, its windows images.
fn in_slices(
    call: &mut Call<'_, '_, '_>,
    x: &View,
    filters: &Constant,
    (deep, rest): (Window, &[Window]),
    groups: usize,
) -> Result<View, String> {
    let apart = taken_apart(call, x, 2, &deep)?;
    let &[n, c, windows, taps, ref map @ ..] = apart.dims.as_slice() else {
        return Err("there is no map".to_owned());
    };
    let map = map.to_vec();
    let moved = View { id: apart.id, dims: vec![n, c, windows, taps, count(&map)] };
    let images = rearranged(call, &moved, &[0, 2, 1, 3, 4])?;
    let slices = View { id: images.id, dims: [vec![n * windows, c * taps], map].concat() };
    let own = filters.dims();
    let of_slices = [vec![own[0], own[1] * own[2]], own[3..].to_vec()].concat();
    let filters = filters.clone().reshaped(of_slices)?;
    let result = convolved(call, &slices, &filters, rest, groups)?;
    let (m, map) = (result.dims[1], result.dims[2..].to_vec());
    let moved = View { id: result.id, dims: vec![n, windows, m, count(&map)] };
    let result = rearranged(call, &moved, &[0, 2, 1, 3])?;
    Ok(View { id: result.id, dims: [vec![n, m, windows], map].concat() })
}

/// A batch norm by the statistics of its own operand, which is known: weights standardised by what was at hand for it.
fn standardised(call: &mut Call<'_, '_, '_>) -> Results {
    let (x, scale, bias) = (call.known(0)?.clone(), call.known(1)?.clone(), call.known(2)?.clone());
    let &[outer, channels, ref inner @ ..] = x.dims() else {
        return Err(format!("shape {:?} has no axis of channels", x.dims()));
    };
    let inner: usize = inner.iter().product();
    if scale.dims() != [channels] || bias.dims() != [channels] || outer * inner == 0 {
        return Err(format!("scale {:?} and bias {:?} do not fit {:?}", scale.dims(), bias.dims(), x.dims()));
    }
    call.charge(x.len())?;
    let epsilon = f64::from(call.attributes.float("epsilon", 1e-5)?);
    let (x_data, scale, bias) = (x.as_floats()?.data(), scale.as_floats()?.data(), bias.as_floats()?.data());
    let mut values = vec![0.0f32; x.len()];
    for c in 0..channels {
        let places = || (0..outer).flat_map(|o| (0..inner).map(move |i| (o * channels + c) * inner + i));
        let count = (outer * inner) as f64;
        let mean = places().map(|at| f64::from(x_data[at])).sum::<f64>() / count;
        let variance = places().map(|at| (f64::from(x_data[at]) - mean).powi(2)).sum::<f64>() / count;
        let factor = f64::from(scale[c]) / (variance + epsilon).sqrt();
        for at in places() {
            values[at] = ((f64::from(x_data[at]) - mean) * factor + f64::from(bias[c])) as f32;
        }
    }
    let constant = Constant::new(x.dims().to_vec(), Elements::floats(values))?;
    call.constant(constant)
}

pub(super) fn batch_normalization(call: &mut Call<'_, '_, '_>) -> Results {
    if call.attributes.int("training_mode", 0)? != 0 && call.known(0).is_ok() && !call.others_used() {
        return standardised(call);
    }
    if call.attributes.int("training_mode", 0)? != 0 {
        return Err(
            "the mode of training, in which an answer depends on the other images of its batch, is not \
                    supported; export the network after `eval()`"
                .to_owned(),
        );
    }
    // Old exporters list the outputs of training, which nothing reads, of networks that answer.
    let lists_others = call.outputs.iter().skip(1).any(|name| !name.is_empty());
    if call.others_used() || call.opset >= 14 && lists_others {
        return Err("the statistics of training are not supported as outputs".to_owned());
    }
    // Without `spatial` there is a mean for each pixel; where there is one for each channel, old exporters did not mean it.
    let (x, given) = (call.input(0)?.clone(), call.known(1)?.dims().to_vec());
    if let Value::Node(id) = x
        && call.attributes.int("spatial", 1)? == 0
        && (call.opset >= 9
            || !matches!((given.as_slice(), call.type_of(id).dims.as_slice()), (&[k], &[_, c, ..]) if k == c))
    {
        return Err(format!("a mean for each pixel, {given:?}, is not supported; one for each channel is"));
    }
    let mut operands = vec![call.data(0)?];
    for place in 1..5 {
        call.known(place)?;
        operands.push(call.data(place)?);
    }
    let epsilon = f64::from(call.attributes.float("epsilon", 1e-5)?);
    let id = call.add(Op::BatchNorm(BatchNorm { epsilon }), &operands)?;
    Call::node(id)
}
