//! Functions of one argument.

use super::Call;
use crate::graph::{Activate, Activation, Clip, NodeId, Op, Parameter};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

fn activate(call: &mut Call<'_, '_, '_>, function: Activation) -> Results {
    let x = call.data(0)?;
    let id = call.add(Op::Activate(Activate { function }), &[x])?;
    Call::node(id)
}

pub(super) fn relu(call: &mut Call<'_, '_, '_>) -> Results {
    activate(call, Activation::Relu)
}

pub(super) fn sigmoid(call: &mut Call<'_, '_, '_>) -> Results {
    activate(call, Activation::Sigmoid)
}

pub(super) fn swish(call: &mut Call<'_, '_, '_>) -> Results {
    let alpha = call.attributes.float("alpha", 1.0)?;
    if alpha != 1.0 {
        return Err(format!("alpha {alpha} is not supported; 1 is"));
    }
    activate(call, Activation::Silu)
}

pub(super) fn hard_swish(call: &mut Call<'_, '_, '_>) -> Results {
    activate(call, Activation::HardSwish)
}

/// `min(1, max(0, alpha * x + beta))`; other numbers than PyTorch's are written out.
pub(super) fn hard_sigmoid(call: &mut Call<'_, '_, '_>) -> Results {
    let (alpha, beta) = (call.attributes.float("alpha", 0.2)?, call.attributes.float("beta", 0.5)?);
    // The sixth as exporters write it: rounded to f32 or to some decimals.
    if (alpha - 1.0 / 6.0).abs() < 1e-6 && beta == 0.5 {
        return activate(call, Activation::HardSigmoid);
    }
    if !alpha.is_finite() || !beta.is_finite() {
        return Err(format!("alpha {alpha} and beta {beta} are not supported; finite numbers are"));
    }
    let x = call.data(0)?;
    let scaled = with_number(call, x, Op::Mul, "scaled", alpha)?;
    let shifted = with_number(call, scaled, Op::Add, "shifted", beta)?;
    let id = call.add(Op::Clip(Clip { min: 0.0, max: 1.0 }), &[shifted])?;
    Call::node(id)
}

/// A sum or product with one number.
fn with_number(
    call: &mut Call<'_, '_, '_>,
    x: NodeId,
    op: Op,
    part: &str,
    number: f32,
) -> Result<NodeId, String> {
    let dims = match call.type_of(x).dims.as_slice() {
        &[_, channels, _, _] => vec![1, channels, 1, 1],
        dims => dims.to_vec(),
    };
    let elements = dims.iter().product();
    call.charge(elements)?;
    let operand = call.made(&format!("{part}.constant"), dims, vec![number; elements])?;
    let name = format!("{}.{part}", call.name);
    call.add_named(op, &[x, operand], &name)
}

/// The attribute alpha.
fn alpha(call: &Call<'_, '_, '_>, default: f32) -> Result<Parameter, String> {
    let alpha = call.attributes.float("alpha", default)?;
    Parameter::new(alpha).ok_or_else(|| format!("alpha {alpha} is not supported; finite numbers are"))
}

pub(super) fn leaky_relu(call: &mut Call<'_, '_, '_>) -> Results {
    let slope = alpha(call, 0.01)?;
    activate(call, Activation::LeakyRelu(slope))
}

pub(super) fn elu(call: &mut Call<'_, '_, '_>) -> Results {
    let alpha = alpha(call, 1.0)?;
    activate(call, Activation::Elu(alpha))
}
