//! Pow: one number as the exponent is multiplied out where that is exact.

use super::{Call, activation, broadcast, elementwise};
use crate::graph::{BinaryKind, Function, NodeId, Op};
use crate::onnx::constant::{Constant, Elements};
use crate::onnx::import::Value;

/// The largest whole exponent that is multiplied out.
const MAX_FACTORS: u32 = 64;

/// The exponent, where it is one number that leaves the base's shape as it is and has few factors.
fn one_exponent(call: &Call<'_, '_, '_>) -> Result<Option<f64>, String> {
    let Ok(exponents) = call.known(1) else { return Ok(None) };
    let dims = match call.input(0)? {
        Value::Node(id) => call.type_of(*id).dims.clone(),
        Value::Constant(_, constant) => constant.dims().to_vec(),
        _ => return Err("an input is not known".to_owned()),
    };
    let keeps = broadcast::together(&dims, exponents.dims())? == dims;
    let exponents = exponents.as_floats()?.data();
    let [exponent, rest @ ..] = &exponents[..] else { return Err("the exponent is empty".to_owned()) };
    let plain = exponent.fract() != 0.0 || (1.0..=MAX_FACTORS as f32).contains(&exponent.abs());
    let halves = exponent.fract().abs() != 0.5 || exponent.abs() <= MAX_FACTORS as f32;
    let alone =
        keeps && plain && halves && exponent.is_finite() && rest.iter().all(|other| other == exponent);
    Ok(alone.then_some(f64::from(*exponent)))
}

/// Whole exponents are products, halves of odd numbers have a root among their factors, and any other power is
/// `exp(exponent * log(x))`: NaN below zero, as it should be.
pub(super) fn pow(call: &mut Call<'_, '_, '_>) -> Result<Vec<Value>, String> {
    if let Ok(exponents) = call.known(1) {
        let exponents = exponents.clone();
        if let (Value::Constant(_, base), Err(_)) = (call.input(0)?, exponents.as_floats())
            && base.as_integers().is_ok()
        {
            return elementwise::arithmetic(call, BinaryKind::Power);
        }
        // Exponents of integers are floats beside what is computed.
        if let Ok(integers) = exponents.as_integers() {
            let floats: Vec<f32> = integers.iter().map(|&exponent| exponent as f32).collect();
            let name = format!("{}.exponent", call.name);
            let floats = Constant::new(exponents.dims().to_vec(), Elements::floats(floats))?;
            call.inputs[1] = Some(Value::Constant(name.as_str().into(), floats));
        }
    }
    let Some(exponent) = one_exponent(call)? else { return elementwise::arithmetic(call, BinaryKind::Power) };
    let x = call.data(0)?;
    let size = exponent.abs();
    let half = size.fract() == 0.5;
    if size.fract() != 0.0 && !half {
        let log = call.add_step("log", Op::Unary(Function::Log), &[x])?;
        let scaled = activation::with_number(call, log, BinaryKind::Mul, "scaled", exponent as f32)?;
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
    if exponent > 0.0 {
        return Call::node(id);
    }
    call.inputs = vec![Some(Value::Node(id))];
    activation::reciprocal(call)
}
