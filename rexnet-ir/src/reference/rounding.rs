//! What rounding to f32 does to the values of a network.
//!
//! The graph is evaluated again, every value of a node rounded to f32 as back ends do, and some times with errors of
//! random sign: such as f32 makes in the sums, the products and the functions of each node. How far a value moves is how
//! far implementations in f32 may be from each other, whatever its range.

use super::{Array, evaluate_with, operators};
use crate::graph::{Activation, BinaryKind, Function, Graph, NodeId, Op, PoolKind, Reduce, ReduceKind};
use std::collections::HashMap;

/// The greatest relative error of one rounding to f32.
const UNIT: f64 = 5.960_464_477_539_063e-8;

/// Half of the least subnormal number of f32: the greatest absolute error of one rounding among subnormals.
const LEAST: f64 = 7.006_492_321_624_085e-46;

/// The error of a function in units of its value, and of the addends that it may be made of: 1, or its argument where
/// that is smaller.
const FUNCTION: f64 = 4.0;

/// Evaluations of a small network with errors of random sign: its output may be one number.
const SAMPLES: u64 = 8;

/// The multiply-accumulates of a network that is small. A larger one takes seconds to evaluate: it is once, or twice where
/// a value has fewer elements than [`MANY`], of which some moves far.
const SMALL: u64 = 20_000_000;
const MANY: usize = 16;

/// One value of a network, as f32 has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounding {
    /// The standard deviation of the element that rounding moves most; infinite elements apart.
    pub spread: f64,
    /// The elements where each value on the way is rounded to f32, but nothing within a node: what overflows f32 is
    /// infinite.
    pub narrow: Vec<f64>,
    /// The elements on whose way an f32 sum may overflow though its result does not; empty where there is none.
    pub overflows: Vec<bool>,
}

/// The wanted values of a verified graph, by identity. It takes twice as long as
/// [`evaluate`](super::evaluate), and longer for small networks.
///
/// # Errors
/// As [`evaluate`](super::evaluate).
pub fn roundings(
    graph: &Graph,
    inputs: &[&[f32]],
    wanted: &dyn Fn(NodeId) -> bool,
) -> Result<HashMap<NodeId, Rounding>, String> {
    let mut may_overflow = false;
    let narrow = sample(graph, inputs, wanted, &mut |node, operands| {
        let mut data = node.evaluate(operands);
        may_overflow |= node.sums_above_f32(operands, &data).is_some();
        data.iter_mut().for_each(|value| *value = round(*value));
        data
    })?;
    let mut found: HashMap<NodeId, (Vec<f64>, Vec<bool>)> = HashMap::new();
    for (&id, narrow) in &narrow {
        found.insert(id, (vec![0.0; narrow.len()], vec![false; narrow.len()]));
    }
    let mut note = |id: &NodeId, moved: &[f64], spreads: bool| {
        let (Some(narrow), Some((squares, overflows))) = (narrow.get(id), found.get_mut(id)) else { return };
        for (at, (&moved, &narrow)) in moved.iter().zip(narrow).enumerate() {
            if moved.is_finite() && narrow.is_finite() && spreads {
                squares[at] += (moved - narrow).powi(2);
            }
            overflows[at] |= narrow.is_finite() && !moved.is_finite();
        }
    };
    let samples = match graph.counts().multiply_accumulates {
        0..=SMALL => SAMPLES,
        _ if narrow.values().any(|values| values.len() < MANY) => 2,
        _ => 1,
    };
    for seed in 0..samples {
        let moved = sample(graph, inputs, wanted, &mut |node, operands| node.disturbed(operands, seed))?;
        moved.iter().for_each(|(id, moved)| note(id, moved, true));
    }
    if may_overflow {
        let moved = sample(graph, inputs, wanted, &mut |node, operands| {
            let mut data = node.evaluate(operands);
            if let Some(sums) = node.sums_above_f32(operands, &data) {
                let overflowing = data.iter_mut().zip(sums).filter(|(_, overflows)| *overflows);
                overflowing.for_each(|(value, _)| *value = f64::INFINITY.copysign(*value));
            }
            data.iter_mut().for_each(|value| *value = round(*value));
            data
        })?;
        moved.iter().for_each(|(id, moved)| note(id, moved, false));
    }
    let of = |(id, narrow): (NodeId, Vec<f64>)| {
        let (squares, overflows) = found.remove(&id).unwrap_or_default();
        let spread = (squares.into_iter().fold(0.0, f64::max) / samples as f64).sqrt();
        let overflows = if overflows.contains(&true) { overflows } else { Vec::new() };
        (id, Rounding { spread, narrow, overflows })
    };
    Ok(narrow.into_iter().map(of).collect())
}

/// To the nearest number of f32, infinite past the greatest.
fn round(value: f64) -> f64 {
    f64::from(value as f32)
}

/// The elements of a node's value, of those of its operands.
type Compute<'f> = dyn FnMut(&Sums<'_>, &[&Array]) -> Vec<f64> + 'f;

/// The wanted values where every node's are computed like this.
fn sample(
    graph: &Graph,
    inputs: &[&[f32]],
    wanted: &dyn Fn(NodeId) -> bool,
    compute: &mut Compute<'_>,
) -> Result<HashMap<NodeId, Vec<f64>>, String> {
    let mut values = HashMap::new();
    let compute = |id: NodeId, operands: &[&Array]| {
        let data = compute(&Sums::of(graph, id, operands), operands);
        Array::new(graph.node(id).ty.dims.clone(), data)
    };
    evaluate_with(graph, inputs, compute, |id, array| {
        if wanted(id) {
            values.insert(id, array.data.clone());
        }
    })?;
    Ok(values)
}

/// How a node makes its elements.
struct Sums<'a> {
    graph: &'a Graph,
    id: NodeId,
    /// The addends of an element; 0 where elements are taken as they are.
    terms: f64,
}

impl<'a> Sums<'a> {
    fn of(graph: &'a Graph, id: NodeId, operands: &[&Array]) -> Self {
        let node = graph.node(id);
        let elements = node.ty.elements().max(1) as f64;
        let products = graph.multiply_accumulates(id) as f64 / elements;
        let addends = operands.first().map_or(1.0, |operand| operand.data.len() as f64) / elements;
        let terms = if is_exact(&node.op) { 0.0 } else { products.max(addends).max(1.0) };
        Self { graph, id, terms }
    }

    fn op(&self) -> &Op {
        &self.graph.node(self.id).op
    }

    /// The elements, without rounding.
    fn evaluate(&self, operands: &[&Array]) -> Vec<f64> {
        operators::evaluate(self.op(), operands, &self.graph.node(self.id).ty.dims)
    }

    /// Where the magnitudes of the addends of an element are more than f32 holds; `None` where they nowhere are.
    fn sums_above_f32(&self, operands: &[&Array], data: &[f64]) -> Option<Vec<bool>> {
        let greatest = |data: &[f64]| {
            data.iter().map(|value| value.abs()).filter(|value| value.is_finite()).fold(0.0, f64::max)
        };
        let product: f64 = operands.iter().take(2).map(|operand| greatest(&operand.data).max(1.0)).product();
        if self.terms <= 1.0 || self.terms * product <= f64::from(f32::MAX) {
            return None;
        }
        let magnitudes: Vec<Array> = operands
            .iter()
            .map(|operand| Array::new(operand.dims.clone(), operand.data.iter().map(|x| x.abs()).collect()))
            .collect();
        let magnitudes: Vec<&Array> = magnitudes.iter().collect();
        let sums = self.evaluate(&magnitudes);
        let count = if is_mean(self.op()) { self.terms } else { 1.0 };
        let above: Vec<bool> = sums
            .iter()
            .zip(data)
            .map(|(sum, value)| value.is_finite() && sum * count > f64::from(f32::MAX))
            .collect();
        above.contains(&true).then_some(above)
    }

    /// The elements with errors of random sign: those of the addends, as many roundings as there are; those of the result.
    fn disturbed(&self, operands: &[&Array], seed: u64) -> Vec<f64> {
        let error = UNIT * self.terms.sqrt();
        let node = self.graph.node(self.id);
        let mut signs = Signs::new(seed, self.id, self.graph);
        let mut data = if self.terms > 1.0 {
            let disturbed: Vec<Array> = operands
                .iter()
                .zip(&node.operands)
                .map(|(operand, &id)| {
                    let mut operand = (*operand).clone();
                    if self.graph.node(id).op != Op::Constant {
                        operand.data.iter_mut().for_each(|value| *value += signs.next() * error * *value);
                    }
                    operand
                })
                .collect();
            let disturbed: Vec<&Array> = disturbed.iter().collect();
            self.evaluate(&disturbed)
        } else {
            self.evaluate(operands)
        };
        let [of_value, of_argument] = function_errors(&node.op);
        for (at, value) in data.iter_mut().enumerate() {
            let mut own = (error + UNIT * of_value) * value.abs() + LEAST * self.terms.sqrt();
            if of_argument > 0.0 {
                let argument = operands[0].data.get(at).map_or(0.0, |argument| argument.abs().min(1.0));
                own += UNIT * of_argument * argument;
            }
            // Infinity stays, and so does what is no number.
            if value.is_finite() {
                *value += signs.next() * own;
            }
            *value = round(*value);
        }
        data
    }
}

/// Signs that look random, the same every time.
struct Signs {
    state: u64,
}

impl Signs {
    fn new(seed: u64, id: NodeId, graph: &Graph) -> Self {
        let name = &graph.node(id).name;
        // FNV-1a of the name, so that nodes have signs of their own.
        let state = name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self { state: state ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }

    fn next(&mut self) -> f64 {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if (z ^ (z >> 31)) & 1 == 0 { 1.0 } else { -1.0 }
    }
}

/// Whether every element is one of the operands', so that nothing is rounded.
fn is_exact(op: &Op) -> bool {
    match op {
        Op::Input
        | Op::Constant
        | Op::Binary(BinaryKind::Maximum | BinaryKind::Minimum)
        | Op::Unary(
            Function::Clip { .. } | Function::Sign | Function::Round | Function::Floor | Function::Ceil,
        )
        | Op::Relayout(_)
        | Op::Reshape(_)
        | Op::Slice(_)
        | Op::Concat(_)
        | Op::Transpose(_)
        | Op::Expand(_)
        | Op::DepthToSpace(_)
        | Op::Pad(_) => true,
        Op::Pool2d(pool) => pool.kind == PoolKind::Max,
        Op::Reduce(Reduce { kind, .. }) => matches!(kind, ReduceKind::Max | ReduceKind::Min),
        _ => false,
    }
}

/// Whether the sum of the addends is divided by their number.
fn is_mean(op: &Op) -> bool {
    match op {
        Op::GlobalAveragePool => true,
        Op::Pool2d(pool) => pool.kind == PoolKind::Average,
        Op::Reduce(Reduce { kind, .. }) => *kind == ReduceKind::Mean,
        _ => false,
    }
}

/// The errors of a function in units: of its value, and of 1 or its argument. A sigmoid may be computed as a half and
/// something, an ELU as a difference from 1; exp and what consists of lines is not.
fn function_errors(op: &Op) -> [f64; 2] {
    match op {
        Op::Unary(Function::Activate(function)) => match function {
            Activation::Relu | Activation::Relu6 | Activation::LeakyRelu(_) => [0.0, 0.0],
            _ => [FUNCTION, FUNCTION],
        },
        // Near 1 a logarithm is the difference of two numbers.
        Op::Unary(Function::Log) => [FUNCTION, FUNCTION],
        Op::Unary(Function::Exp | Function::Sqrt | Function::Erf) | Op::Softmax(_) => [FUNCTION, 0.0],
        _ => [0.0, 0.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Tensor, parse};

    fn output(text: &str, weight: Option<Vec<f32>>, input: &[f32]) -> Option<Rounding> {
        let mut graph = parse(text).ok()?;
        if let Some(weight) = weight {
            let dims = graph.node(graph.find("w")?).ty.dims.clone();
            graph.edit().bind("w", Tensor::new(dims, weight)?).ok()?;
        }
        let node = graph.outputs()[0].node;
        roundings(&graph, &[input], &|id| id == node).ok()?.remove(&node)
    }

    #[test]
    fn a_difference_of_near_numbers_spreads_as_they_do() {
        let layer = "graph @g {\n %0 = input() @x : f32[1,2] nchw\n %1 = constant() @w : f32[1,2] nchw\n \
                     %2 = dense(%0, %1) @y : f32[1,1] nchw\n output @y = %2\n}";
        let spread = |weight: [f32; 2]| {
            output(layer, Some(weight.to_vec()), &[1000.0, 1000.0]).map_or(f64::NAN, |found| found.spread)
        };
        let (sum, difference) = (spread([1.0, 1.0]), spread([1.0, -1.0]));
        assert!((1e-5..1e-3).contains(&sum) && (1e-5..1e-3).contains(&difference), "{sum} {difference}");
    }

    #[test]
    fn what_overflows_f32_is_infinite() {
        let exp = "graph @g {\n %0 = input() @x : f32[1,3] nchw\n %1 = exp(%0) @y : f32[1,3] nchw\n output @y = %1\n}";
        let found = output(exp, None, &[0.0, 88.0, 100.0]).map(|found| found.narrow);
        assert!(found.is_some_and(|narrow| narrow[1].is_finite() && narrow[2] == f64::INFINITY));
    }

    #[test]
    fn a_mean_of_great_numbers_may_overflow_on_the_way() {
        let mean = "graph @g {\n %0 = input() @x : f32[1,2,4,4] nchw\n \
                    %1 = global_average_pool(%0) @y : f32[1,2,1,1] nchw\n output @y = %1\n}";
        let input: Vec<f32> = (0..32).map(|at| if at < 16 { 1e38 } else { 1.0 }).collect();
        let found = output(mean, None, &input);
        assert_eq!(found.map(|found| found.overflows), Some(vec![true, false]));
    }
}
