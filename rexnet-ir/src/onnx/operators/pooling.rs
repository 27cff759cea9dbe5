//! AveragePool, MaxPool, GlobalAveragePool, GlobalMaxPool.

use super::Call;
use super::convolution::{map_extents, padding};
use crate::graph::{Op, Pad, Pool2d, PoolKind};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

fn pool(call: &mut Call<'_, '_, '_>, kind: PoolKind) -> Results {
    if call.others_used() {
        return Err("indices of maxima are not supported".to_owned());
    }
    if call.attributes.pair("dilations", 1)? != [1, 1] {
        return Err("dilated windows are not supported".to_owned());
    }
    let x = call.data(0)?;
    let extents = map_extents(call, x)?;
    if !call.attributes.has("kernel_shape") {
        return Err("kernel_shape is missing".to_owned());
    }
    let kernel = call.attributes.pair("kernel_shape", 1)?;
    let stride = call.attributes.pair("strides", 1)?;
    let mut pad = padding(&call.attributes, extents, kernel, stride, [1, 1])?;
    let counts_padding = kind == PoolKind::Average && call.attributes.int("count_include_pad", 0)? != 0;
    let ceil = call.attributes.int("ceil_mode", 0)? != 0;
    let beyond = [0, 1].map(|axis| match ceil {
        true => beyond(extents[axis], kernel[axis], stride[axis], [pad[axis], pad[axis + 2]]),
        false => 0,
    });
    let mut x = x;
    if counts_padding && pad != [0; 4] {
        x = call.add_step("padded", Op::Pad(Pad { pad }), &[x])?;
        pad = [0; 4];
    }
    // What a window reaches behind the padding counts in no mean.
    pad[2] = pad[2].saturating_add(beyond[0]);
    pad[3] = pad[3].saturating_add(beyond[1]);
    let id = call.add(Op::Pool2d(Pool2d { kind, kernel, stride, pad }), &[x])?;
    Call::node(id)
}

/// How far the last window reaches past the padding where one begins that does not fit; one that begins in the padding
/// behind the map is none.
fn beyond(extent: usize, kernel: usize, stride: usize, pad: [usize; 2]) -> usize {
    let padded = extent.saturating_add(pad[0]).saturating_add(pad[1]);
    let Some(room) = padded.checked_sub(kernel).filter(|_| stride > 0) else { return 0 };
    // Where it would be beyond all numbers, it begins behind the map.
    match room.div_ceil(stride).checked_mul(stride) {
        Some(start) if start < extent.saturating_add(pad[0]) => start + kernel - padded,
        _ => 0,
    }
}

pub(super) fn average(call: &mut Call<'_, '_, '_>) -> Results {
    pool(call, PoolKind::Average)
}

pub(super) fn max(call: &mut Call<'_, '_, '_>) -> Results {
    pool(call, PoolKind::Max)
}

pub(super) fn global_average(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let id = call.add(Op::GlobalAveragePool, &[x])?;
    Call::node(id)
}

pub(super) fn global_max(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let kernel = map_extents(call, x)?;
    let id =
        call.add(Op::Pool2d(Pool2d { kind: PoolKind::Max, kernel, stride: [1, 1], pad: [0; 4] }), &[x])?;
    Call::node(id)
}
