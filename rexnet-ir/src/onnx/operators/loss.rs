//! Losses, which exports of whole training graphs end with: the classes are constants there.

use super::shape::count;
use super::view::View;
use super::{Call, activation, reduction};
use crate::graph::{BinaryKind, NodeId, Op, Reduce, ReduceKind};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

/// NegativeLogLikelihoodLoss of logarithms of probabilities.
pub(super) fn negative_log_likelihood(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let loss = of_logarithms(call, x)?;
    call.viewed(loss)
}

/// SoftmaxCrossEntropyLoss: the same of scores; the logarithms are its second output.
pub(super) fn cross_entropy(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    if call.type_of(x).dims.len() < 2 {
        return Err("scores of rank 1 are not supported".to_owned());
    }
    // Its steps have inputs of their own.
    let inputs = call.inputs.clone();
    let logarithms = reduction::log_softmax_along(call, x, 1)?;
    call.inputs = inputs;
    let loss = of_logarithms(call, logarithms)?;
    Ok([call.viewed(loss)?, vec![Value::Node(logarithms)]].concat())
}

/// The logarithm at each place's class, times the class's weight, negated; their sum or weighted mean, one number, where
/// that is asked for.
fn of_logarithms(call: &mut Call<'_, '_, '_>, x: NodeId) -> Result<View, String> {
    let dims = call.type_of(x).dims.clone();
    let &[images, classes, ref rest @ ..] = dims.as_slice() else {
        return Err(format!("logarithms of shape {dims:?} are not supported"));
    };
    let targets = call.known(1).map_err(|_| "classes that are computed are not supported".to_owned())?;
    let targets = targets.clone();
    if targets.dims().first() != Some(&images) || targets.dims()[1..] != *rest {
        return Err(format!("classes of shape {:?} for logarithms of {dims:?}", targets.dims()));
    }
    let weights = match call.optional(2) {
        Some(_) => call.known(2)?.as_floats()?.data().to_vec(),
        None => vec![1.0; classes],
    };
    if weights.len() != classes {
        return Err(format!("{} weights for {classes} classes", weights.len()));
    }
    let ignored = match call.attributes.has("ignore_index") {
        true => Some(call.attributes.int("ignore_index", 0)?),
        false => None,
    };
    let inner = count(rest);
    call.charge(count(&dims) + targets.len())?;
    let (mut chosen, mut factors) = (vec![0.0f32; count(&dims)], vec![0.0f32; targets.len()]);
    for (at, &target) in targets.as_integers()?.iter().enumerate() {
        if Some(target) == ignored {
            continue;
        }
        let class = usize::try_from(target).ok().filter(|&class| class < classes);
        let class = class.ok_or_else(|| format!("class {target} of {classes}"))?;
        chosen[(at / inner * classes + class) * inner + at % inner] = 1.0;
        factors[at] = -weights[class];
    }
    let total: f64 = factors.iter().map(|&factor| -f64::from(factor)).sum();
    let chosen = call.made("chosen", dims.clone(), chosen)?;
    let kept = call.add_step("kept", BinaryKind::Keep.into(), &[x, chosen])?;
    let sum = |axis| Op::Reduce(Reduce { kind: ReduceKind::Sum, axis });
    let logarithms = call.add_step("logarithms", sum(1), &[kept])?;
    let factors = call.made("factors", call.type_of(logarithms).dims.clone(), factors)?;
    let each = call.add_step("each", BinaryKind::Mul.into(), &[logarithms, factors])?;
    let mean = match call.attributes.string("reduction")?.as_deref() {
        Some("none") => return Ok(View { id: each, dims: targets.dims().to_vec() }),
        Some("sum") => false,
        None | Some("mean") => true,
        Some(other) => return Err(format!("reduction {other} is not known")),
    };
    let mut id = each;
    for axis in 0..dims.len() {
        id = call.add_step("sum", sum(axis), &[id])?;
    }
    if mean {
        id = activation::with_number(call, id, BinaryKind::Div, "mean", total as f32)?;
    }
    Ok(View { id, dims: Vec::new() })
}
