//! Operators that treat each element alone.

use super::Call;
use super::layer::bias_of;
use crate::graph::{Activate, Activation, Clip, Dense, NodeId, Op};
use crate::onnx::constant::{Constant, Elements, MAX_INTEGERS};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// The four operations of arithmetic, and the two bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
}

impl Arithmetic {
    fn floats(self, a: f32, b: f32) -> f32 {
        match self {
            Arithmetic::Add => a + b,
            Arithmetic::Sub => a - b,
            Arithmetic::Mul => a * b,
            Arithmetic::Div => a / b,
            Arithmetic::Max => a.max(b),
            Arithmetic::Min => a.min(b),
        }
    }

    fn integers(self, a: i64, b: i64) -> Result<i64, String> {
        match self {
            Arithmetic::Add => a.checked_add(b),
            Arithmetic::Sub => a.checked_sub(b),
            Arithmetic::Mul => a.checked_mul(b),
            Arithmetic::Div => a.checked_div(b),
            Arithmetic::Max => Some(a.max(b)),
            Arithmetic::Min => Some(a.min(b)),
        }
        .ok_or_else(|| format!("integer arithmetic on {a} and {b} fails"))
    }
}

pub(super) fn add(call: &mut Call<'_, '_, '_>) -> Results {
    arithmetic(call, Arithmetic::Add)
}

pub(super) fn sub(call: &mut Call<'_, '_, '_>) -> Results {
    arithmetic(call, Arithmetic::Sub)
}

pub(super) fn mul(call: &mut Call<'_, '_, '_>) -> Results {
    arithmetic(call, Arithmetic::Mul)
}

pub(super) fn div(call: &mut Call<'_, '_, '_>) -> Results {
    arithmetic(call, Arithmetic::Div)
}

pub(super) fn max(call: &mut Call<'_, '_, '_>) -> Results {
    arithmetic(call, Arithmetic::Max)
}

pub(super) fn min(call: &mut Call<'_, '_, '_>) -> Results {
    arithmetic(call, Arithmetic::Min)
}

fn arithmetic(call: &mut Call<'_, '_, '_>, op: Arithmetic) -> Results {
    if call.inputs.len() != 2 {
        return Err(format!("{} inputs are not supported; two are", call.inputs.len()));
    }
    let (a, b) = (call.input(0)?.clone(), call.input(1)?.clone());
    match (&a, &b) {
        (Value::Constant(_, a), Value::Constant(_, b)) => {
            let folded = fold(op, a, b)?;
            call.constant(folded)
        }
        (Value::Node(a), Value::Node(b)) => two_nodes(call, op, *a, *b),
        (Value::Node(node), Value::Constant(_, constant)) => with_constant(call, op, *node, constant, 1),
        (Value::Constant(_, constant), Value::Node(node))
            if !matches!(op, Arithmetic::Sub | Arithmetic::Div) =>
        {
            with_constant(call, op, *node, constant, 0)
        }
        _ => Err("a constant as the first operand is not supported".to_owned()),
    }
}

fn two_nodes(call: &mut Call<'_, '_, '_>, op: Arithmetic, a: NodeId, b: NodeId) -> Results {
    let op = match op {
        Arithmetic::Add => Op::Add,
        Arithmetic::Mul => Op::Mul,
        _ => return Err("on two computed tensors, only sums and products are supported".to_owned()),
    };
    // The larger tensor stands first.
    let (a, b) = if call.type_of(a).elements() < call.type_of(b).elements() { (b, a) } else { (a, b) };
    let id = call.add(op, &[a, b])?;
    Call::node(id)
}

fn with_constant(
    call: &mut Call<'_, '_, '_>,
    op: Arithmetic,
    node: NodeId,
    constant: &Constant,
    place: usize,
) -> Results {
    let ty = call.type_of(node).clone();
    if matches!(op, Arithmetic::Max | Arithmetic::Min) {
        let bound = constant.scalar()?;
        let clip = match op {
            Arithmetic::Max => Clip { min: bound, max: f64::INFINITY },
            _ => Clip { min: f64::NEG_INFINITY, max: bound },
        };
        let id = call.add(Op::Clip(clip), &[node])?;
        return Call::node(id);
    }
    // The bias that follows a matrix product.
    let product = call.importer.graph.node(node);
    if op == Arithmetic::Add && product.op == Op::Dense(Dense { bias: false, activation: None }) {
        let [x, weight] = [product.operands[0], product.operands[1]];
        let bias = bias_of(call, place, ty.channels(), 1.0)?;
        let id = call.add(Op::Dense(Dense { bias: true, activation: None }), &[x, weight, bias])?;
        return Call::node(id);
    }
    let floats = constant.as_floats()?;
    let values: Vec<f32> = match op {
        Arithmetic::Sub => floats.iter().map(|x| -x).collect(),
        Arithmetic::Div => floats.iter().map(|x| 1.0 / x).collect(),
        _ => floats.to_vec(),
    };
    let dims = if constant.dims == ty.dims {
        ty.dims.clone()
    } else if ty.dims.len() == 4 {
        vec![1, ty.channels(), 1, 1]
    } else {
        return Err(format!("a constant of shape {:?} does not fit {:?}", constant.dims, ty.dims));
    };
    let values = if values.len() == 1 { vec![values[0]; dims.iter().product()] } else { values };
    // One value a channel is [c, 1, 1], with any number of ones before.
    let mut trailing = constant.dims.iter().rev().copied();
    let channelwise = (trailing.next(), trailing.next(), trailing.next())
        == (Some(1), Some(1), Some(ty.channels()))
        && trailing.all(|extent| extent == 1);
    if constant.len() != 1 && constant.dims != dims && !channelwise {
        return Err(format!("a constant of shape {:?} does not fit {:?}", constant.dims, ty.dims));
    }
    let constant = call.made("constant", dims, values)?;
    let op = if matches!(op, Arithmetic::Add | Arithmetic::Sub) { Op::Add } else { Op::Mul };
    let id = call.add(op, &[node, constant])?;
    Call::node(id)
}

/// Two constants, broadcast as in NumPy.
fn fold(op: Arithmetic, a: &Constant, b: &Constant) -> Result<Constant, String> {
    let rank = a.dims.len().max(b.dims.len());
    let padded = |dims: &[usize]| [vec![1; rank - dims.len()], dims.to_vec()].concat();
    let (a_dims, b_dims) = (padded(&a.dims), padded(&b.dims));
    let dims: Vec<usize> = a_dims
        .iter()
        .zip(&b_dims)
        .map(|(&x, &y)| match (x, y) {
            (x, y) if x == y => Ok(x),
            (1, y) => Ok(y),
            (x, 1) => Ok(x),
            _ => Err(format!("shapes {:?} and {:?} do not broadcast", a.dims, b.dims)),
        })
        .collect::<Result<_, _>>()?;
    let count = dims.iter().try_fold(1usize, |count, &extent| count.checked_mul(extent));
    let count = count.filter(|&count| count <= MAX_INTEGERS.max(a.len()).max(b.len()));
    let count = count.ok_or("constants broadcast to too many elements")?;
    let place = |at: usize, source: &[usize]| {
        let (mut rest, mut place, mut stride) = (at, 0, 1);
        for (extent, own) in dims.iter().zip(source).rev() {
            place += if *own == 1 { 0 } else { rest % extent * stride };
            rest /= extent;
            stride *= own;
        }
        place
    };
    let elements = match (&a.elements, &b.elements) {
        (Elements::Floats(x), Elements::Floats(y)) => Elements::Floats(
            (0..count).map(|at| op.floats(x[place(at, &a_dims)], y[place(at, &b_dims)])).collect(),
        ),
        (Elements::Integers(x), Elements::Integers(y)) => {
            let each = (0..count).map(|at| op.integers(x[place(at, &a_dims)], y[place(at, &b_dims)]));
            Elements::Integers(each.collect::<Result<_, _>>()?)
        }
        _ => return Err("an integer and a float constant are mixed".to_owned()),
    };
    Ok(Constant { dims, elements })
}

pub(super) fn clip(call: &mut Call<'_, '_, '_>) -> Results {
    let mut bounds = [f64::NEG_INFINITY, f64::INFINITY];
    for (index, (bound, attribute)) in bounds.iter_mut().zip(["min", "max"]).enumerate() {
        if call.attributes.has(attribute) {
            *bound = f64::from(call.attributes.float(attribute, 0.0)?);
        } else if call.optional(index + 1).is_some() {
            *bound = call.known(index + 1)?.scalar()?;
        }
    }
    let x = call.data(0)?;
    let id = call.add(Op::Clip(Clip { min: bounds[0], max: bounds[1] }), &[x])?;
    Call::node(id)
}

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

pub(super) fn identity(call: &mut Call<'_, '_, '_>) -> Results {
    Ok(vec![call.input(0)?.clone()])
}

/// Does nothing when a trained network answers.
pub(super) fn dropout(call: &mut Call<'_, '_, '_>) -> Results {
    if call.outputs > 1 {
        return Err("the mask of a dropout is not supported".to_owned());
    }
    if call.optional(2).is_some() && call.known(2)?.scalar()? != 0.0 {
        return Err("training is not supported".to_owned());
    }
    identity(call)
}
