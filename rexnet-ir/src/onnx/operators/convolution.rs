//! Conv, BatchNormalization, Pad.

use super::Call;
use crate::graph::{BatchNorm, Conv2d, Op, Pad};
use crate::onnx::attributes::Attributes;
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

pub(super) fn batch_normalization(call: &mut Call<'_, '_, '_>) -> Results {
    // Before version 14, listing the outputs of training asks for it.
    let lists_others = call.outputs.iter().skip(1).any(|name| !name.is_empty());
    if call.attributes.int("training_mode", 0)? != 0 || lists_others {
        return Err("training is not supported".to_owned());
    }
    if call.attributes.int("spatial", 1)? != 1 {
        return Err("statistics for each pixel are not supported".to_owned());
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
    let pads = call.integers("pads", 1)?.ok_or("pads are missing")?;
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
