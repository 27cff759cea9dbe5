//! ConvTranspose, as a convolution whose channels become blocks of the map.
//!
//! Place `q * s + r` of the result, padding included, for `r` below the stride `s`, sums input `q - t` times tap
//! `t * s + r` over all `t`: for each `r` a convolution of stride 1 with every `s`-th tap in reverse. All of them together
//! are one convolution of `s` times as many channels along each axis, and each multiplies as often as it has to, but for the
//! taps past the end of the kernel.
//!
//! Maps of more than two axes take the longer way: zeros between the elements of the map, then a convolution with the taps
//! in reverse.

use super::Call;
use super::convolution::{check_kernel, convolved, known_filters};
use super::gather::chosen;
use super::layer::bias_of;
use super::pad::{cut, filled};
use super::pooling::map_extents;
use super::shape::count;
use super::view::View;
use super::window::{Window, numbers};
use crate::graph::{Conv2d, DepthOrder, DepthToSpace, Indices, NodeId, Op, Slice};
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
    /// Places that padding takes off in front.
    cut: usize,
}

impl Axis {
    /// One element that stays what it is.
    const SINGLE: Self =
        Self { stride: 1, dilation: 1, reach: 1, size: 1, taps: 1, pad: [0; 2], skipped: 0, cut: 0 };
}

pub(super) fn conv_transpose(call: &mut Call<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let x = call.view(0)?;
    let filters = known_filters(call)?;
    let extents = map_extents(&x)?.to_vec();
    let (inputs, kernel) = match filters.dims() {
        [inputs, _, kernel @ ..] if kernel.len() == extents.len() && !kernel.contains(&0) => {
            (*inputs, kernel.to_vec())
        }
        dims => return Err(format!("a weight of shape {dims:?} for an input of shape {:?}", x.dims)),
    };
    check_kernel(call, &kernel)?;
    let groups = usize::try_from(call.attributes.int("group", 1)?).map_err(|_| "group is negative")?;
    if inputs != x.dims[1] || groups == 0 || !inputs.is_multiple_of(groups) {
        return Err(format!(
            "a weight of shape {:?} in {groups} groups does not fit the input",
            filters.dims()
        ));
    }
    let axes = axes(call, &extents, &kernel)?;
    match axes[..] {
        [horizontal] => {
            let flat = |dims: &[usize]| vec![dims[0], dims[1], 1, dims[2]];
            let weight = filters.clone().reshaped(flat(filters.dims()))?;
            let x = call.shaped(&x, flat(&x.dims))?;
            let id = in_blocks(call, x, &weight, groups, [Axis::SINGLE, horizontal])?;
            let ty = call.type_of(id);
            let dims = vec![ty.batch(), ty.channels(), ty.width()];
            call.viewed(View { id, dims })
        }
        [vertical, horizontal] => {
            let x = call.shaped(&x, x.dims.clone())?;
            let id = in_blocks(call, x, &filters, groups, [vertical, horizontal])?;
            Call::node(id)
        }
        _ => {
            let result = among_zeros(call, x, &filters, groups, &axes)?;
            call.viewed(result)
        }
    }
}

/// As a convolution whose channels become blocks of the map.
fn in_blocks(
    call: &mut Call<'_, '_, '_>,
    x: NodeId,
    weight: &Constant,
    groups: usize,
    [vertical, horizontal]: [Axis; 2],
) -> Result<NodeId, String> {
    let channels = weight.dims()[1].checked_mul(groups).ok_or("the weight is too large")?;
    // Channels of a group stay together.
    let order = if groups == 1 { DepthOrder::BlockFirst } else { DepthOrder::ChannelFirst };
    let rearranged = rearranged_weight(call, weight, groups, order, [vertical, horizontal])?;
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
    Ok(id)
}

/// Zeros between the elements, then a convolution with the taps in reverse.
fn among_zeros(
    call: &mut Call<'_, '_, '_>,
    mut x: View,
    filters: &Constant,
    groups: usize,
    axes: &[Axis],
) -> Result<View, String> {
    let mut windows = Vec::with_capacity(axes.len());
    for (at, axis) in axes.iter().enumerate() {
        let (place, extent) = (at + 2, x.dims[at + 2]);
        // Each element and the zeros behind it.
        x.dims.insert(place + 1, 1);
        let mut pads = vec![[0; 2]; x.dims.len()];
        pads[place + 1] = [0, axis.stride - 1];
        x = filled(call, &x, &pads, 0.0)?;
        let spread = x.dims[place].checked_mul(x.dims.remove(place + 1)).ok_or("the map is too large")?;
        x.dims[place] = spread;
        let length = (extent - 1) * axis.stride + 1;
        x = chosen(call, &x, place, "spread", Indices::run(0, 1, length))?;
        // The first window ends at the first place of the result, the last at the last.
        let before = (axis.reach - 1) as i64 - axis.cut as i64;
        let after = (axis.cut + axis.size) as i64 - length as i64;
        let mut around = [before, after];
        x = cut(call, &x, place, &mut around)?;
        let mut pads = vec![[0; 2]; x.dims.len()];
        pads[place] = around.map(|pad| usize::try_from(pad).unwrap_or(0));
        x = filled(call, &x, &pads, 0.0)?;
        let kernel = (axis.reach - 1) / axis.dilation + 1;
        windows.push(Window {
            extent: x.dims[place],
            kernel,
            stride: 1,
            dilation: axis.dilation,
            pad: [0; 2],
        });
    }
    let reversed = reversed(call, filters, groups)?;
    convolved(call, &x, &reversed, &windows, groups)
}

/// The weight `[c, m / groups, …]` as `[m, c / groups, …]`, its taps in reverse.
fn reversed(call: &mut Call<'_, '_, '_>, filters: &Constant, groups: usize) -> Result<Constant, String> {
    call.charge(filters.len())?;
    let own = filters.dims();
    let (c, m, taps) = (own[0] / groups, own[1], count(&own[2..]));
    let place = |at: usize| {
        let (channel, tap) = (at / taps, at % taps);
        let (output, input) = (channel / c, channel % c);
        ((output / m * c + input) * m + output % m) * taps + taps - 1 - tap
    };
    let dims = [vec![groups * m, c], own[2..].to_vec()].concat();
    filters.pick(dims, (0..filters.len()).map(place))
}

fn axes(call: &Call<'_, '_, '_>, extents: &[usize], kernel: &[usize]) -> Result<Vec<Axis>, String> {
    let count = extents.len();
    let strides = numbers(&call.attributes, "strides", count)?;
    let dilations = numbers(&call.attributes, "dilations", count)?;
    let extra: Vec<usize> = match call.attributes.ints("output_padding")? {
        None => vec![0; count],
        Some(extra) if extra.len() == count => extra
            .iter()
            .map(|&extra| usize::try_from(extra).map_err(|_| "attribute output_padding is negative"))
            .collect::<Result<_, _>>()?,
        Some(extra) => return Err(format!("attribute output_padding has {} numbers", extra.len())),
    };
    let pads = match call.attributes.ints("pads")? {
        None => vec![0; 2 * count],
        Some(pads) if pads.len() == 2 * count => pads.to_vec(),
        Some(pads) => return Err(format!("{} pads are given", pads.len())),
    };
    let sizes = match call.attributes.ints("output_shape")? {
        None => None,
        Some(sizes) if sizes.len() == count => Some(sizes),
        // Some exporters give all extents.
        Some(sizes) if sizes.len() == count + 2 => Some(&sizes[2..]),
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
                let [before, after] = [pads[at], pads[at + count]].map(usize::try_from);
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
        Ok(Axis { stride, dilation, reach, size, taps, pad, skipped: cut - first * stride, cut })
    };
    (0..count).map(axis).collect()
}

/// The weight `[c, m / groups, kh, kw]` as that of the convolution, `[m * blocks, c / groups, taps, taps]`.
fn rearranged_weight(
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
