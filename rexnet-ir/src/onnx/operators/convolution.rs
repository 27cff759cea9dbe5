//! Conv, BatchNormalization, Pad.

use super::Call;
use crate::graph::{BatchNorm, Conv2d, Op, Pad};
use crate::onnx::attributes::Attributes;
use crate::onnx::constant::{Constant, Elements};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// Padding as top, left, bottom, right.
pub(super) fn padding(
    attributes: &Attributes<'_>,
    extents: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
) -> Result<[usize; 4], String> {
    let explicit = match attributes.ints("pads")? {
        None => [0; 4],
        Some(&[top, left, bottom, right]) => {
            let pads = [top, left, bottom, right].map(usize::try_from);
            match pads {
                [Ok(top), Ok(left), Ok(bottom), Ok(right)] => [top, left, bottom, right],
                _ => return Err("negative pads are not supported".to_owned()),
            }
        }
        Some(pads) => {
            return Err(format!("{} pads are given; only two spatial axes are supported", pads.len()));
        }
    };
    let upper = match attributes.string("auto_pad")?.as_deref() {
        None | Some("NOTSET") => return Ok(explicit),
        Some("VALID") => return Ok([0; 4]),
        Some("SAME_UPPER") => true,
        Some("SAME_LOWER") => false,
        Some(other) => return Err(format!("auto_pad {other} is not known")),
    };
    let mut pads = [0; 4];
    for axis in 0..2 {
        let reach = kernel[axis]
            .checked_sub(1)
            .and_then(|taps| taps.checked_mul(dilation[axis]))
            .and_then(|taps| {
                (extents[axis].div_ceil(stride[axis].max(1)) - 1)
                    .checked_mul(stride[axis])?
                    .checked_add(taps)?
                    .checked_add(1)
            })
            .ok_or("the window is too large")?;
        let total = reach.saturating_sub(extents[axis]);
        let before = if upper { total / 2 } else { total.div_ceil(2) };
        pads[axis] = before;
        pads[axis + 2] = total - before;
    }
    Ok(pads)
}

/// The extents of the two spatial axes of an input of rank 4.
pub(super) fn map_extents(call: &Call<'_, '_, '_>, id: crate::graph::NodeId) -> Result<[usize; 2], String> {
    match call.type_of(id).dims.as_slice() {
        [_, _, height, width] => Ok([*height, *width]),
        dims => Err(format!("an input of shape {dims:?} is not supported; rank 4 is")),
    }
}

pub(super) fn conv(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    call.known(1).map_err(|_| "weights that are computed are not supported".to_owned())?;
    let weight = call.data(1)?;
    let extents = map_extents(call, x)?;
    let &[_, _, height, width] = call.type_of(weight).dims.as_slice() else {
        return Err(format!("a weight of shape {:?} is not supported", call.type_of(weight).dims));
    };
    let kernel = [height, width];
    if call.attributes.has("kernel_shape") && call.attributes.pair("kernel_shape", 1)? != kernel {
        return Err(format!("kernel_shape differs from the weight's {kernel:?}"));
    }
    let stride = call.attributes.pair("strides", 1)?;
    let dilation = call.attributes.pair("dilations", 1)?;
    let pad = padding(&call.attributes, extents, kernel, stride, dilation)?;
    let groups = usize::try_from(call.attributes.int("group", 1)?).map_err(|_| "group is negative")?;
    let mut operands = vec![x, weight];
    let bias = call.optional(2).is_some();
    if bias {
        call.known(2).map_err(|_| "a bias that is computed is not supported".to_owned())?;
        operands.push(call.data(2)?);
    }
    let attributes = Conv2d { stride, pad, dilation, groups, bias, ..Conv2d::pointwise() };
    let id = call.add(Op::Conv2d(attributes), &operands)?;
    Call::node(id)
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

/// Zeros around the map; what follows takes them over where it can.
pub(super) fn pad(call: &mut Call<'_, '_, '_>) -> Results {
    match call.attributes.string("mode")?.as_deref() {
        None | Some("constant") => {}
        Some(mode) => return Err(format!("mode {mode} is not supported")),
    }
    let value = call.number("value", 2)?.unwrap_or(0.0);
    if value != 0.0 {
        return Err(format!("padding with {value} is not supported; 0 is"));
    }
    let name = if call.opset < 2 { "paddings" } else { "pads" };
    let pads = call.integers(name, 1)?.ok_or("pads are missing")?;
    let x = call.data(0)?;
    let rank = call.type_of(x).dims.len();
    // Pads for some axes only stand at those axes' places.
    let mut all = vec![0i64; 2 * rank];
    match call.known_integers(3)? {
        None if pads.len() == 2 * rank => all = pads,
        Some(axes) if pads.len() == 2 * axes.len() => {
            for (index, axis) in super::axes(&axes, rank)?.into_iter().enumerate() {
                all[axis] = pads[index];
                all[rank + axis] = pads[axes.len() + index];
            }
        }
        _ => return Err(format!("{} pads do not fit rank {rank}", pads.len())),
    }
    if all.iter().all(|&pad| pad == 0) {
        return Call::node(x);
    }
    let &[0, 0, top, left, 0, 0, bottom, right] = all.as_slice() else {
        return Err(format!("pads {all:?} are not supported; those of height and width are"));
    };
    let pad = [top, left, bottom, right].map(usize::try_from);
    let [Ok(top), Ok(left), Ok(bottom), Ok(right)] = pad else {
        return Err("negative pads are not supported".to_owned());
    };
    let id = call.add(Op::Pad(Pad { pad: [top, left, bottom, right] }), &[x])?;
    Call::node(id)
}
