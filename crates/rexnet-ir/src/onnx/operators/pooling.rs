//! AveragePool, MaxPool, GlobalAveragePool, GlobalMaxPool, ReduceMean.

use super::Call;
use super::convolution::{map_extents, padding};
use crate::graph::{Op, Pool2d, PoolKind};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

fn pool(call: &mut Call<'_, '_, '_>, kind: PoolKind) -> Results {
    if call.others_used() {
        return Err("indices of maxima are not supported".to_owned());
    }
    if call.attributes.int("ceil_mode", 0)? != 0 {
        return Err("ceil_mode is not supported".to_owned());
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
    let pad = padding(&call.attributes, extents, kernel, stride, [1, 1])?;
    if kind == PoolKind::Average && pad != [0; 4] && call.attributes.int("count_include_pad", 0)? != 0 {
        return Err("averages that count the padding are not supported".to_owned());
    }
    let id = call.add(Op::Pool2d(Pool2d { kind, kernel, stride, pad }), &[x])?;
    Call::node(id)
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

/// The mean over height and width; anything else is not covered.
pub(super) fn reduce_mean(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let rank = call.type_of(x).dims.len();
    let given = call.integers("axes", 1)?.unwrap_or_default();
    if given.is_empty() && call.attributes.int("noop_with_empty_axes", 0)? != 0 {
        return Call::node(x);
    }
    let mut places = super::axes(&given, rank)?;
    if given.is_empty() {
        places = (0..rank).collect();
    }
    places.sort_unstable();
    if rank != 4 || places != [2, 3] {
        return Err(format!(
            "the mean over axes {places:?} of rank {rank} is not supported; height and width are"
        ));
    }
    let keep = call.attributes.int("keepdims", 1)? != 0;
    let id = call.add(Op::GlobalAveragePool, &[x])?;
    if keep {
        return Call::node(id);
    }
    let name = format!("{}.flat", call.name);
    let id = call.add_named(Op::Flatten, &[id], &name)?;
    Call::node(id)
}
