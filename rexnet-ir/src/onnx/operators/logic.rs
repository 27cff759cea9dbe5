//! Comparisons, what is made of their answers, and choices by them. Among what is computed, an answer is 1 or 0 in f32; among
//! constants it is an integer.

use super::{Call, activation, broadcast, elementwise};
use crate::graph::{Activation, BinaryKind, NodeId, Op};
use crate::onnx::constant::{Constant, Elements, count_of};
use crate::onnx::import::Value;

type Results = Result<Vec<Value>, String>;

pub(super) fn equal(call: &mut Call<'_, '_, '_>) -> Results {
    compare(call, BinaryKind::Equal, false)
}

pub(super) fn less(call: &mut Call<'_, '_, '_>) -> Results {
    compare(call, BinaryKind::Less, false)
}

pub(super) fn less_or_equal(call: &mut Call<'_, '_, '_>) -> Results {
    compare(call, BinaryKind::LessOrEqual, false)
}

pub(super) fn greater(call: &mut Call<'_, '_, '_>) -> Results {
    compare(call, BinaryKind::Less, true)
}

pub(super) fn greater_or_equal(call: &mut Call<'_, '_, '_>) -> Results {
    compare(call, BinaryKind::LessOrEqual, true)
}

fn compare(call: &mut Call<'_, '_, '_>, kind: BinaryKind, swapped: bool) -> Results {
    elementwise::align(call)?;
    let of_truths = [0, 1].map(|place| matches!(call.input(place), Ok(Value::Truth(_))));
    if of_truths.contains(&true) {
        let same = join(call, kind)?;
        return Ok(same);
    }
    if swapped {
        call.inputs.swap(0, 1);
    }
    let answer = elementwise::arithmetic(call, kind)?;
    match &answer[..] {
        [Value::Constant(name, constant)] => {
            let answer = Constant::new(constant.dims().to_vec(), truths(constant))?;
            Ok(vec![Value::Constant(name.clone(), answer)])
        }
        _ => answers(answer),
    }
}

/// Computed numbers that are 1 and 0, as truth values.
fn answers(values: Vec<Value>) -> Results {
    let answer = |value| if let Value::Node(id) = value { Value::Truth(id) } else { value };
    Ok(values.into_iter().map(answer).collect())
}

/// What is not zero, as 1; the rest as 0.
pub(super) fn truths(constant: &Constant) -> Elements {
    match constant.elements() {
        Elements::Integers(integers) => {
            Elements::Integers(integers.iter().map(|&x| i64::from(x != 0)).collect())
        }
        Elements::Floats(floats) => {
            Elements::Integers(floats.data().iter().map(|&x| i64::from(x != 0.0)).collect())
        }
    }
}

/// Lets truth values be the numbers 1 and 0 where one of them is computed.
fn as_numbers(call: &mut Call<'_, '_, '_>, place: usize) -> Result<(), String> {
    match *call.input(place)? {
        Value::Truth(id) => call.inputs[place] = Some(Value::Node(id)),
        Value::Node(_) => return Err("a truth value is needed, a number is given".to_owned()),
        _ => {}
    }
    if let Value::Constant(name, constant) = call.input(place)?
        && let Elements::Integers(integers) = constant.elements()
    {
        let floats: Vec<f32> = integers.iter().map(|&x| f32::from(u8::from(x != 0))).collect();
        let name = format!("{name}.truth");
        let constant = Constant::new(constant.dims().to_vec(), Elements::floats(floats))?;
        call.inputs[place] = Some(Value::Constant(name.as_str().into(), constant));
    }
    Ok(())
}

pub(super) fn and(call: &mut Call<'_, '_, '_>) -> Results {
    join(call, BinaryKind::Minimum)
}

pub(super) fn or(call: &mut Call<'_, '_, '_>) -> Results {
    join(call, BinaryKind::Maximum)
}

pub(super) fn xor(call: &mut Call<'_, '_, '_>) -> Results {
    let same = join(call, BinaryKind::Equal)?;
    negated(call, same)
}

fn join(call: &mut Call<'_, '_, '_>, kind: BinaryKind) -> Results {
    elementwise::align(call)?;
    if call.known(0).is_err() || call.known(1).is_err() {
        as_numbers(call, 0)?;
        as_numbers(call, 1)?;
    }
    let joined = elementwise::arithmetic(call, kind)?;
    answers(joined)
}

pub(super) fn not(call: &mut Call<'_, '_, '_>) -> Results {
    let truth = vec![call.input(0)?.clone()];
    negated(call, truth)
}

fn negated(call: &mut Call<'_, '_, '_>, truth: Vec<Value>) -> Results {
    match &truth[..] {
        [Value::Constant(_, constant)] => {
            call.charge(constant.len())?;
            let opposite = constant.as_integers()?.iter().map(|&x| i64::from(x == 0)).collect();
            let opposite = Constant::new(constant.dims().to_vec(), Elements::Integers(opposite))?;
            call.constant(opposite)
        }
        [Value::Truth(id)] => {
            let id = is_zero(call, *id, "not")?;
            Ok(vec![Value::Truth(id)])
        }
        [Value::Node(_)] => Err("a truth value is needed, a number is given".to_owned()),
        _ => Err("an input is not known".to_owned()),
    }
}

fn is_zero(call: &mut Call<'_, '_, '_>, x: NodeId, part: &str) -> Result<NodeId, String> {
    activation::with_number(call, x, BinaryKind::Equal, part, 0.0)
}

/// Whether what is computed is not zero.
pub(super) fn is_not_zero(call: &mut Call<'_, '_, '_>, x: NodeId) -> Result<NodeId, String> {
    let zero = is_zero(call, x, "zero")?;
    is_zero(call, zero, "not_zero")
}

pub(super) fn is_nan(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let same = call.add_step("same", BinaryKind::Equal.into(), &[x, x])?;
    let id = is_zero(call, same, "unlike_itself")?;
    Ok(vec![Value::Truth(id)])
}

pub(super) fn is_inf(call: &mut Call<'_, '_, '_>) -> Results {
    let x = call.data(0)?;
    let wanted = ["detect_negative", "detect_positive"].map(|name| call.attributes.int(name, 1));
    let (x, number) = match wanted {
        [Ok(0), Ok(0)] => return Err("neither infinity is asked for".to_owned()),
        [Ok(0), Ok(_)] => (x, f32::INFINITY),
        [Ok(_), Ok(0)] => (x, f32::NEG_INFINITY),
        [Ok(_), Ok(_)] => (activation::magnitude(call, x, "magnitude")?, f32::INFINITY),
        [Err(cause), _] | [_, Err(cause)] => return Err(cause),
    };
    let id = activation::with_number(call, x, BinaryKind::Equal, "infinite", number)?;
    Ok(vec![Value::Truth(id)])
}

/// Above this `softplus(x)` is `x` in f32: exporters write that out, as PyTorch computes it.
const SOFTPLUS_IS_LINEAR: f32 = 17.0;

/// `x > number ? x : softplus(x)` is `softplus(x)`.
fn softplus_written_out(call: &Call<'_, '_, '_>) -> Option<NodeId> {
    let graph = &call.importer.graph;
    let [Ok(&Value::Truth(condition)), Ok(&Value::Node(then)), Ok(&Value::Node(otherwise))] =
        [0, 1, 2].map(|place| call.input(place))
    else {
        return None;
    };
    let (condition, softplus) = (graph.node(condition), graph.node(otherwise));
    let [number, x] = condition.operands[..] else { return None };
    let numbers = graph.constant(&graph.node(number).name)?;
    (condition.op == Op::Binary(BinaryKind::Less)
        && graph.node(number).op == Op::Constant
        && softplus.op == Activation::Softplus.into()
        && softplus.operands == [x]
        && then == x
        && numbers.data().iter().all(|&number| number >= SOFTPLUS_IS_LINEAR))
    .then_some(otherwise)
}

/// Where: the element of the second input where the condition holds, else of the third. What is computed is kept on either
/// side, with zeros elsewhere, and added.
pub(super) fn select(call: &mut Call<'_, '_, '_>) -> Results {
    if let Some(softplus) = softplus_written_out(call) {
        return Call::node(softplus);
    }
    if (0..3).all(|place| call.known(place).is_ok()) {
        return select_constants(call);
    }
    as_numbers(call, 0)?;
    let of_truths = [1, 2].map(|place| matches!(call.input(place), Ok(Value::Truth(_)))).contains(&true);
    for place in (1..3).filter(|_| of_truths) {
        as_numbers(call, place)?;
    }
    let [condition, a, b] = [0, 1, 2].map(|place| call.input(place).cloned());
    let (condition, a, b) = (condition?, a?, b?);
    let opposite = match &condition {
        Value::Constant(name, constant) => {
            let floats: Vec<f32> = constant.as_floats()?.data().iter().map(|x| 1.0 - x).collect();
            call.charge(floats.len())?;
            let name = format!("{name}.opposite");
            let opposite = Constant::new(constant.dims().to_vec(), Elements::floats(floats))?;
            Value::Constant(name.as_str().into(), opposite)
        }
        Value::Node(id) => Value::Node(is_zero(call, *id, "opposite")?),
        _ => return Err("an input is not known".to_owned()),
    };
    let mut sides = Vec::with_capacity(2);
    for (side, truth) in [(a, condition), (b, opposite)] {
        call.inputs = vec![Some(side), Some(truth)];
        sides.push(elementwise::arithmetic(call, BinaryKind::Keep)?.pop());
    }
    call.inputs = sides;
    let chosen = elementwise::arithmetic(call, BinaryKind::Add)?;
    if of_truths { answers(chosen) } else { Ok(chosen) }
}

fn select_constants(call: &mut Call<'_, '_, '_>) -> Results {
    let [condition, a, b] = [0, 1, 2].map(|place| call.known(place).cloned());
    let (condition, a, b) = (condition?, a?, b?);
    let dims = broadcast::together(&broadcast::together(condition.dims(), a.dims())?, b.dims())?;
    let count = count_of(&dims).ok_or("the constants broadcast to too many elements")?;
    call.charge(count)?;
    let place = |at: usize, own: &Constant| broadcast::place(at, &dims, own.dims());
    let holds = condition.as_integers()?;
    let holds = |at: usize| holds[place(at, &condition)] != 0;
    let elements = match (a.elements(), b.elements()) {
        (Elements::Integers(x), Elements::Integers(y)) => {
            let chosen = |at| if holds(at) { x[place(at, &a)] } else { y[place(at, &b)] };
            Elements::Integers((0..count).map(chosen).collect())
        }
        (Elements::Floats(x), Elements::Floats(y)) => {
            let chosen = |at| if holds(at) { x.element(place(at, &a)) } else { y.element(place(at, &b)) };
            Elements::floats((0..count).map(chosen).collect::<Vec<f32>>())
        }
        _ => return Err("an integer and a float constant are mixed".to_owned()),
    };
    let chosen = Constant::new(dims.clone(), elements)?;
    call.constant(chosen)
}
