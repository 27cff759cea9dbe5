//! Pow of a computed tensor and one number.

use super::{Call, activation};
use crate::graph::{BinaryKind, Function, NodeId, Op};
use crate::onnx::import::Value;

/// The largest whole exponent that is multiplied out.
const MAX_FACTORS: u32 = 64;

/// Whole exponents are products, halves of odd numbers have a root among their factors, and any other power is
/// `exp(exponent * log(x))`: NaN below zero, as it should be.
pub(super) fn pow(call: &mut Call<'_, '_, '_>) -> Result<Vec<Value>, String> {
    let x = call.data(0)?;
    let exponents =
        call.known(1).map_err(|_| "a computed exponent is not supported; a number is".to_owned())?;
    let exponents: Vec<f64> = match exponents.as_floats() {
        Ok(floats) => floats.data().iter().map(|&exponent| f64::from(exponent)).collect(),
        Err(_) => exponents.as_integers()?.iter().map(|&exponent| exponent as f64).collect(),
    };
    let [exponent, rest @ ..] = &exponents[..] else { return Err("the exponent is empty".to_owned()) };
    if rest.iter().any(|other| other != exponent) {
        return Err("exponents of several values are not supported; one number is".to_owned());
    }
    let size = exponent.abs();
    let half = size.fract() == 0.5;
    if (size.fract() != 0.0 && !half) || size > f64::from(MAX_FACTORS) || *exponent == 0.0 {
        if size.fract() == 0.0 {
            return Err(format!(
                "the exponent {exponent} is not supported; numbers from 1 to {MAX_FACTORS} are"
            ));
        }
        let log = call.add_step("log", Op::Unary(Function::Log), &[x])?;
        let scaled = activation::with_number(call, log, BinaryKind::Mul, "scaled", *exponent as f32)?;
        let id = call.add(Op::Unary(Function::Exp), &[scaled])?;
        return Call::node(id);
    }
    let mut result: Option<NodeId> = None;
    if half {
        result = Some(call.add_step("root", Op::Unary(Function::Sqrt), &[x])?);
    }
    let (mut whole, mut square) = (size as u32, x);
    while whole > 0 {
        if whole % 2 == 1 {
            result = Some(match result {
                Some(result) => call.add_step("product", BinaryKind::Mul.into(), &[result, square])?,
                None => square,
            });
        }
        whole /= 2;
        if whole > 0 {
            square = call.add_step("square", BinaryKind::Mul.into(), &[square, square])?;
        }
    }
    let id = result.ok_or("the exponent is empty")?;
    if *exponent > 0.0 {
        return Call::node(id);
    }
    call.inputs = vec![Some(Value::Node(id))];
    activation::reciprocal(call)
}
