//! Gemm, MatMul.

use super::Call;
use super::shape::{count, reshaped_node};
use crate::graph::{Dense, NodeId, Op, Transpose};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// The constant matrix of input 1, as `[m, k]`, times `factor`.
fn weight(call: &mut Call<'_, '_, '_>, transposed: bool, factor: f32) -> Result<NodeId, String> {
    let constant =
        call.known(1).map_err(|_| "a product of two computed matrices is not supported".to_owned())?.clone();
    let &[rows, columns] = constant.dims() else {
        return Err(format!("a weight of shape {:?} is not supported; a matrix is", constant.dims()));
    };
    if transposed && factor == 1.0 {
        return call.data(1);
    }
    call.charge(constant.len())?;
    let floats = constant.as_floats()?.data();
    let (dims, values) = if transposed {
        (vec![rows, columns], floats.iter().map(|x| x * factor).collect())
    } else {
        let at = |place: usize| floats[place % rows * columns + place / rows] * factor;
        (vec![columns, rows], (0..rows * columns).map(at).collect())
    };
    call.made("weight", dims, values)
}

pub(super) fn gemm(call: &mut Call<'_, '_, '_>) -> Results {
    let (alpha, beta) = (call.attributes.float("alpha", 1.0)?, call.attributes.float("beta", 1.0)?);
    let mut x = call.data(0)?;
    if call.attributes.int("transA", 0)? != 0 {
        x = call.add_step("transposed", Op::Transpose(Transpose { order: vec![1, 0] }), &[x])?;
    }
    let transposed = call.attributes.int("transB", 0)? != 0;
    let weight = weight(call, transposed, alpha)?;
    let mut operands = vec![x, weight];
    let channels = call.type_of(weight).dims[0];
    let bias = call.optional(2).is_some();
    if bias {
        operands.push(bias_of(call, 2, channels, beta)?);
    }
    let id = call.add(Op::Dense(Dense { bias, activation: None }), &operands)?;
    Call::node(id)
}

/// A constant that is one value a column, or one for all, as `[m]`.
pub(super) fn bias_of(
    call: &mut Call<'_, '_, '_>,
    place: usize,
    channels: usize,
    factor: f32,
) -> Result<NodeId, String> {
    let constant = call.known(place).map_err(|_| "a computed bias is not supported".to_owned())?.clone();
    if factor == 1.0 && constant.dims() == [channels] {
        return call.data(place);
    }
    let floats = constant.as_floats()?;
    call.charge(channels)?;
    // A third axis would be one of the result, too.
    let values: Vec<f32> = match constant.dims() {
        [] | [1] | [1, 1] => vec![floats.element(0) * factor; channels],
        [columns] | [1, columns] if *columns == channels => {
            floats.data().iter().map(|x| x * factor).collect()
        }
        dims => {
            return Err(format!("a bias of shape {dims:?} for {channels} columns is not supported"));
        }
    };
    call.made("bias", vec![channels], values)
}

pub(super) fn matmul(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let weight = weight(call, false, 1.0)?;
    let product = Op::Dense(Dense { bias: false, activation: None });
    let dims = call.type_of(x).dims.clone();
    if dims.len() == 2 {
        let id = call.add(product, &[x, weight])?;
        return Call::node(id);
    }
    // All rows of all matrices are rows of one; a vector is a row.
    let (&columns, rows) = dims.split_last().ok_or("an input without axes")?;
    let matrix = reshaped_node(call, x, vec![count(rows), columns])?;
    let id = call.add_step("rows", product, &[matrix, weight])?;
    let mut wanted = rows.to_vec();
    wanted.push(call.type_of(id).dims[1]);
    let id = reshaped_node(call, id, wanted)?;
    Call::node(id)
}
