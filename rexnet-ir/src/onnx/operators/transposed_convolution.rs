//! ConvTranspose, as a convolution whose channels become blocks of the map.
//!
//! Place `q * s + r` of the result, padding included, for `r` below the stride `s`, sums input `q - t` times tap
//! `t * s + r` over all `t`: for each `r` a convolution of stride 1 with every `s`-th tap in reverse. All of them together
//! are one convolution of `s` times as many channels along each axis, and each multiplies as often as it has to, but for the
//! taps past the end of the kernel.

use super::Call;
use super::convolution::map_extents;
use super::layer::bias_of;
use crate::graph::{Conv2d, DepthOrder, DepthToSpace, NodeId, Op, Slice};
use crate::onnx::constant::Constant;
use crate::onnx::import::Value;

/// One axis.
#[derive(Clone, Copy, Debug)]
struct Axis {
    stride: usize,
    dilation: usize,
    /// Taps, those between dilated ones included.
    reach: usize,
    /// The result's extent.
    size: usize,
    /// Taps of each of the convolutions.
    taps: usize,
    /// Padding of the convolution.
    pad: [usize; 2],
    /// Places of the result that the convolution does not begin with.
    skipped: usize,
}

pub(super) fn conv_transpose(call: &mut Call<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let x = call.data(0)?;
    let extents = map_extents(call, x)?;
    let weight = call.known(1).map_err(|_| "weights that are computed are not supported".to_owned())?.clone();
    let &[inputs, per_group, height, width] = weight.dims() else {
        return Err(format!("a weight of shape {:?} is not supported", weight.dims()));
    };
    let kernel = [height, width];
    if call.attributes.has("kernel_shape") && call.attributes.pair("kernel_shape", 1)? != kernel {
        return Err(format!("kernel_shape differs from the weight's {kernel:?}"));
    }
    let groups = usize::try_from(call.attributes.int("group", 1)?).map_err(|_| "group is negative")?;
    if inputs != call.type_of(x).channels() || groups == 0 || !inputs.is_multiple_of(groups) {
        return Err(format!(
            "a weight of shape {:?} in {groups} groups does not fit the input",
            weight.dims()
        ));
    }
    let [vertical, horizontal] = axes(call, extents, kernel)?;
    let channels = per_group.checked_mul(groups).ok_or("the weight is too large")?;
    // Channels of a group stay together.
    let order = if groups == 1 { DepthOrder::BlockFirst } else { DepthOrder::ChannelFirst };
    let rearranged = rearranged(call, &weight, groups, order, [vertical, horizontal])?;
    let mut operands = vec![x, rearranged];
    let places = vertical.stride * horizontal.stride;
    let bias = call.optional(2).is_some();
    if bias {
        operands.push(repeated_bias(call, channels, places, order)?);
    }
    let pad = [vertical.pad[0], horizontal.pad[0], vertical.pad[1], horizontal.pad[1]];
    let attributes = Conv2d { pad, groups, bias, ..Conv2d::pointwise() };
    let mut id = call.add_step("convolution", Op::Conv2d(attributes), &operands)?;
    if places > 1 {
        let block = [vertical.stride, horizontal.stride];
        id = call.add_step("blocks", Op::DepthToSpace(DepthToSpace { block, order }), &[id])?;
    }
    for (axis, Axis { size, skipped, .. }) in [(2, vertical), (3, horizontal)] {
        if call.type_of(id).dim(axis) != size {
            let slice = Slice { axis, start: skipped, end: skipped + size };
            id = call.add(Op::Slice(slice), &[id])?;
        }
    }
    Call::node(id)
}

fn axes(call: &Call<'_, '_, '_>, extents: [usize; 2], kernel: [usize; 2]) -> Result<[Axis; 2], String> {
    let strides = call.attributes.pair("strides", 1)?;
    let dilations = call.attributes.pair("dilations", 1)?;
    let extra = call.attributes.pair("output_padding", 0)?;
    let pads = match call.attributes.ints("pads")? {
        None => [0; 4],
        Some(&[top, left, bottom, right]) => [top, left, bottom, right],
        Some(pads) => return Err(format!("{} pads are given", pads.len())),
    };
    let sizes = match call.attributes.ints("output_shape")? {
        None => None,
        // Some exporters give all four extents.
        Some(&[height, width] | &[_, _, height, width]) => Some([height, width]),
        Some(sizes) => return Err(format!("an output_shape of {} extents is not supported", sizes.len())),
    };
    let same = match call.attributes.string("auto_pad")?.as_deref() {
        None | Some("NOTSET" | "VALID") => None,
        Some("SAME_UPPER") => Some(true),
        Some("SAME_LOWER") => Some(false),
        Some(other) => return Err(format!("auto_pad {other} is not known")),
    };
    let too_large = || "the window is too large".to_owned();
    let axis = |at: usize| -> Result<Axis, String> {
        let (stride, dilation, extent) = (strides[at], dilations[at], extents[at]);
        if stride == 0 || dilation == 0 || kernel[at] == 0 {
            return Err("a stride, dilation or kernel of 0".to_owned());
        }
        let reach = (kernel[at] - 1).checked_mul(dilation).and_then(|reach| reach.checked_add(1));
        let reach = reach.filter(|&reach| reach <= 1 << 16).ok_or_else(too_large)?;
        let whole = stride.checked_mul(extent - 1).and_then(|whole| whole.checked_add(reach));
        let whole = whole.and_then(|whole| whole.checked_add(extra[at])).ok_or_else(too_large)?;
        let wanted = match (sizes, same) {
            (Some(sizes), _) => Some(usize::try_from(sizes[at]).map_err(|_| "an output_shape is negative")?),
            (None, Some(_)) => Some(extent.checked_mul(stride).ok_or_else(too_large)?),
            (None, None) => None,
        };
        let (size, cut) = match wanted {
            Some(size) => {
                let total = whole.saturating_sub(size);
                (size, if same == Some(true) { total / 2 } else { total - total / 2 })
            }
            None => {
                let [before, after] = [pads[at], pads[at + 2]].map(usize::try_from);
                let (Ok(before), Ok(after)) = (before, after) else {
                    return Err("negative pads are not supported".to_owned());
                };
                let size = whole.checked_sub(before).and_then(|rest| rest.checked_sub(after));
                (size.ok_or("the pads cut everything off")?, before)
            }
        };
        if size == 0 {
            return Err("the result is empty".to_owned());
        }
        let taps = reach.div_ceil(stride);
        // Convolutions begin with the first block of which something stays.
        let first = (cut / stride).min(taps - 1);
        let last = cut.checked_add(size).ok_or_else(too_large)?.div_ceil(stride);
        let pad = [taps - 1 - first, last.saturating_sub(extent)];
        Ok(Axis { stride, dilation, reach, size, taps, pad, skipped: cut - first * stride })
    };
    Ok([axis(0)?, axis(1)?])
}

/// The weight `[c, m / groups, kh, kw]` as that of the convolution, `[m * blocks, c / groups, taps, taps]`.
fn rearranged(
    call: &mut Call<'_, '_, '_>,
    weight: &Constant,
    groups: usize,
    order: DepthOrder,
    axes: [Axis; 2],
) -> Result<NodeId, String> {
    let &[inputs, per_group, height, width] = weight.dims() else { return Err("no weight".to_owned()) };
    let (of_group, channels) = (inputs / groups, per_group * groups);
    let [sy, sx] = axes.map(|axis| axis.stride);
    let [ty, tx] = axes.map(|axis| axis.taps);
    let dims = [channels.checked_mul(sy).and_then(|m| m.checked_mul(sx)), Some(of_group), Some(ty), Some(tx)];
    let count = dims.iter().try_fold(1usize, |product, extent| product.checked_mul((*extent)?));
    call.charge(count.ok_or("the weight is too large")?)?;
    let floats = weight.as_floats()?.data();
    // The tap of the kernel, if there is one.
    let tap = |axis: Axis, t: usize, r: usize| {
        let place = (axis.taps - 1 - t) * axis.stride + r;
        (place < axis.reach && place.is_multiple_of(axis.dilation)).then_some(place / axis.dilation)
    };
    let mut values = Vec::with_capacity(count.unwrap_or(0));
    for output in 0..channels * sy * sx {
        let (m, block) = match order {
            DepthOrder::BlockFirst => (output % channels, output / channels),
            DepthOrder::ChannelFirst => (output / (sy * sx), output % (sy * sx)),
        };
        let (group, of_filter) = (m / per_group, m % per_group);
        for c in 0..of_group {
            let filter = ((group * of_group + c) * per_group + of_filter) * height;
            for (y, x) in (0..ty).flat_map(|y| (0..tx).map(move |x| (y, x))) {
                let taps = [tap(axes[0], y, block / sx), tap(axes[1], x, block % sx)];
                values.push(match taps {
                    [Some(ky), Some(kx)] => floats[(filter + ky) * width + kx],
                    _ => 0.0,
                });
            }
        }
    }
    call.made("weight", vec![channels * sy * sx, of_group, ty, tx], values)
}

/// The bias of each channel for all places of its blocks.
fn repeated_bias(
    call: &mut Call<'_, '_, '_>,
    channels: usize,
    places: usize,
    order: DepthOrder,
) -> Result<NodeId, String> {
    if places == 1 {
        return bias_of(call, 2, channels, 1.0);
    }
    let constant = call.known(2).map_err(|_| "a computed bias is not supported".to_owned())?.clone();
    if constant.dims() != [channels] {
        return Err(format!("a bias of shape {:?} for {channels} channels", constant.dims()));
    }
    call.charge(channels.checked_mul(places).ok_or("the bias is too large")?)?;
    let floats = constant.as_floats()?.data();
    let values: Vec<f32> = (0..channels * places)
        .map(|output| match order {
            DepthOrder::BlockFirst => floats[output % channels],
            DepthOrder::ChannelFirst => floats[output / places],
        })
        .collect();
    call.made("bias", vec![channels * places], values)
}
