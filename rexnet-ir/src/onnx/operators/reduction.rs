//! The Reduce operators and Softmax.

use super::shape::{count, reshaped_node};
use super::{Call, activation, axes, axis};
use crate::graph::{BinaryKind, NodeId, Op, Reduce, ReduceKind, Softmax};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

pub(super) fn sum(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Sum)
}

pub(super) fn mean(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Mean)
}

pub(super) fn max(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Max)
}

pub(super) fn min(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    reduce(call, x, ReduceKind::Min)
}

pub(super) fn l1(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let magnitudes = activation::magnitude(call, x, "abs")?;
    reduce(call, magnitudes, ReduceKind::Sum)
}

pub(super) fn sum_of_squares(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let squares = call.add_step("square", BinaryKind::Mul.into(), &[x, x])?;
    reduce(call, squares, ReduceKind::Sum)
}

/// One axis after the other; the mean over a map is the operator that has a kernel of its own.
fn reduce(call: &mut Call<'_, '_, '_>, x: NodeId, kind: ReduceKind) -> Results {
    let dims = call.type_of(x).dims.clone();
    let given = call.integers("axes", 1)?.unwrap_or_default();
    if given.is_empty() && call.attributes.int("noop_with_empty_axes", 0)? != 0 {
        return Call::node(x);
    }
    let mut places = axes(&given, dims.len())?;
    if given.is_empty() {
        places = (0..dims.len()).collect();
    }
    places.sort_unstable();
    let mut id = x;
    if kind == ReduceKind::Mean && dims.len() == 4 && places == [2, 3] {
        id = call.add(Op::GlobalAveragePool, &[x])?;
    } else {
        for &axis in &places {
            id = call.add(Op::Reduce(Reduce { kind, axis }), &[id])?;
        }
    }
    if call.attributes.int("keepdims", 1)? == 0 {
        let kept = (0..dims.len()).filter(|axis| !places.contains(axis)).map(|axis| dims[axis]).collect();
        id = reshaped_node(call, id, kept)?;
    }
    Call::node(id)
}

/// Before version 13 all axes from the given one on are one.
pub(super) fn softmax(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let dims = call.type_of(x).dims.clone();
    let alone = call.opset >= 13;
    let at = axis(call.attributes.int("axis", if alone { -1 } else { 1 })?, dims.len())?;
    if alone || count(&dims[at + 1..]) == 1 {
        let id = call.add(Op::Softmax(Softmax { axis: at }), &[x])?;
        return Call::node(id);
    }
    let rows = reshaped_node(call, x, vec![count(&dims[..at]), count(&dims[at..])])?;
    let softmax = call.add_step("rows", Op::Softmax(Softmax { axis: 1 }), &[rows])?;
    let id = reshaped_node(call, softmax, dims)?;
    Call::node(id)
}
