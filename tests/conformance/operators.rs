//! Single operators against the values that PyTorch gives: `tests/fixtures/operators.json`.

use crate::backends::run_everywhere;
use crate::batch::RustBatch;
use crate::comparison::{assert_within, widen};
use crate::fixtures::{Tensors, read};
use crate::reference::{assert_near, conform};
use rexnet_codegen::driver::Taps;
use rexnet_ir::graph::{
    Activation, BatchNorm, BinaryKind, Conv2d, Dense, Graph, NodeId, Op, Pool2d, PoolKind, Tensor,
};
use serde_json::Value;

/// The distance from PyTorch's values, in the output's range. Both sides round sums of at most 147 products to
/// f32: a few units of 6e-8, times what batch norms multiply by (316 for a dead channel, which also widens the
/// range).
const FROM_PYTORCH: f64 = 2e-6;

/// The distance from the f64 reference: the same rounding, once less.
const FROM_REFERENCE: f64 = 2e-6;

/// One case of the fixture.
struct Case {
    name: String,
    operator: String,
    attributes: Value,
    roles: Value,
}

impl Case {
    fn all() -> Vec<Case> {
        let cases: Vec<Value> = serde_json::from_slice(&read("operators.json")).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let case = |case: Value| Case {
            name: text(&case["name"]),
            operator: text(&case["op"]),
            attributes: case["attributes"].clone(),
            roles: case["tensors"].clone(),
        };
        cases.into_iter().map(case).collect()
    }

    /// The tensor that plays a role, if there is one.
    fn tensor(&self, tensors: &Tensors, role: &str) -> Option<Tensor> {
        self.roles.get(role).map(|name| tensors.tensor(name.as_str().unwrap()))
    }

    fn numbers<const N: usize>(&self, attribute: &str) -> [usize; N] {
        let list = self.attributes[attribute].as_array().unwrap_or_else(|| panic!("{}", self.name));
        let numbers: Vec<usize> = list.iter().map(|number| number.as_u64().unwrap() as usize).collect();
        numbers.try_into().unwrap()
    }

    fn epsilon(&self) -> Option<f64> {
        self.attributes.get("epsilon").map(|epsilon| epsilon.as_f64().unwrap())
    }

    /// The case as a graph of its operator alone.
    fn graph(&self, tensors: &Tensors) -> Graph {
        let mut graph = Graph::new(self.name.as_str());
        let dims = self.tensor(tensors, "input").unwrap().dims().to_vec();
        let x = graph.edit().input("input", &dims).unwrap();
        let mut sketch = Sketch { graph, case: self, tensors };
        let activate = |sketch: &mut Sketch<'_>, function: Activation| sketch.add(function.into(), &[x]);
        let result = match self.operator.as_str() {
            "conv2d" => sketch.convolution(x),
            "adaptive_avg_pool2d" => sketch.adaptive_pool(x, &dims),
            "max_pool2d" => sketch.pool(x, PoolKind::Max),
            "avg_pool2d" => sketch.pool(x, PoolKind::Average),
            "batch_norm" => {
                let epsilon = self.epsilon().unwrap();
                let roles = ["weight", "bias", "running_mean", "running_var"];
                sketch.with_constants(Op::BatchNorm(BatchNorm { epsilon }), x, &roles)
            }
            "linear" => sketch.with_constants(
                Op::Dense(Dense { bias: true, activation: None }),
                x,
                &["weight", "bias"],
            ),
            "squeeze_excite" => sketch.squeeze_excite(x),
            other => match Activation::from_name(other) {
                Some(function) => activate(&mut sketch, function),
                None => panic!("{}: operator {other} has no graph here", self.name),
            },
        };
        let mut graph = sketch.graph;
        graph.edit().output("output", result);
        graph
    }
}

/// A case's graph in the making.
struct Sketch<'a> {
    graph: Graph,
    case: &'a Case,
    tensors: &'a Tensors,
}

impl Sketch<'_> {
    fn add(&mut self, op: Op, operands: &[NodeId]) -> NodeId {
        let name = op.name();
        self.graph
            .edit()
            .add(op, operands, name)
            .unwrap_or_else(|fault| panic!("{}: {fault}", self.case.name))
    }

    /// An operator whose operands after the first are tensors of the case.
    fn with_constants(&mut self, op: Op, x: NodeId, roles: &[&str]) -> NodeId {
        let mut operands = vec![x];
        for role in roles {
            let tensor = self.case.tensor(self.tensors, role).unwrap();
            operands.push(self.graph.edit().bound_constant(*role, tensor).unwrap());
        }
        self.add(op, &operands)
    }

    fn convolution(&mut self, x: NodeId) -> NodeId {
        let conv = Conv2d {
            stride: self.case.numbers("strides"),
            pad: self.case.numbers("pads"),
            dilation: self.case.numbers("dilations"),
            groups: self.case.attributes["groups"].as_u64().unwrap() as usize,
            bias: self.case.roles.get("bias").is_some(),
            ..Conv2d::pointwise()
        };
        let roles: &[&str] = if conv.bias { &["weight", "bias"] } else { &["weight"] };
        self.with_constants(Op::Conv2d(conv), x, roles)
    }

    /// Windows of an adaptive pool are even in these cases: 7 to 3 and 5 to 2 are windows of 3 in steps of 2.
    fn adaptive_pool(&mut self, x: NodeId, dims: &[usize]) -> NodeId {
        match self.case.numbers("output_size") {
            [1, 1] => self.add(Op::GlobalAveragePool, &[x]),
            outputs => {
                assert_eq!((&dims[2..], outputs), (&[7, 5][..], [3, 2]));
                let (kernel, stride) = ([3, 3], [2, 2]);
                self.add(
                    Op::Pool2d(Pool2d {
                        kind: PoolKind::Average,
                        kernel,
                        stride,
                        pad: [0; 4],
                        dilation: [1, 1],
                    }),
                    &[x],
                )
            }
        }
    }

    /// An average over padding too is a depthwise convolution.
    fn pool(&mut self, x: NodeId, kind: PoolKind) -> NodeId {
        let [kernel, stride] = ["kernel", "strides"].map(|attribute| self.case.numbers::<2>(attribute));
        let pad = self.case.numbers("pads");
        if self.case.attributes.get("count_include_pad") != Some(&Value::Bool(true)) {
            return self.add(Op::Pool2d(Pool2d { kind, kernel, stride, pad, dilation: [1, 1] }), &[x]);
        }
        let groups = self.graph.node(x).ty.channels();
        let area = kernel[0] * kernel[1];
        let weight = vec![1.0 / area as f32; groups * area];
        let weight = Tensor::new([groups, 1, kernel[0], kernel[1]], weight).unwrap();
        let weight = self.graph.edit().bound_constant("weight", weight).unwrap();
        self.add(Op::Conv2d(Conv2d { stride, pad, groups, ..Conv2d::pointwise() }), &[x, weight])
    }

    fn squeeze_excite(&mut self, x: NodeId) -> NodeId {
        let layer = || Op::Conv2d(Conv2d { bias: true, ..Conv2d::pointwise() });
        let mut gate = self.add(Op::GlobalAveragePool, &[x]);
        gate = self.with_constants(layer(), gate, &["fc1_weight", "fc1_bias"]);
        if let Some(epsilon) = self.case.epsilon() {
            let roles = ["bn_weight", "bn_bias", "bn_running_mean", "bn_running_var"];
            gate = self.with_constants(Op::BatchNorm(BatchNorm { epsilon }), gate, &roles);
        }
        gate = self.add(Activation::Relu.into(), &[gate]);
        gate = self.with_constants(layer(), gate, &["fc2_weight", "fc2_bias"]);
        gate = self.add(Activation::Sigmoid.into(), &[gate]);
        self.add(BinaryKind::Mul.into(), &[x, gate])
    }
}

#[test]
fn operators_are_those_of_pytorch() {
    let mut rust = RustBatch::default();
    let tensors = Tensors::read("operators.safetensors");
    for case in Case::all().iter().filter(|case| !case.name.ends_with("_special")) {
        let input = case.tensor(&tensors, "input").unwrap();
        let expected = case.tensor(&tensors, "output").unwrap();
        let agreed =
            conform(Some(&mut rust), &case.name, &case.graph(&tensors), &[&input.data()], FROM_REFERENCE);
        let (actual, expected) = (widen(&agreed.outputs[0]), widen(&expected.data()));
        assert_near(&format!("{}, PyTorch", case.name), &actual, &expected, FROM_PYTORCH);
        if case.operator == "squeeze_excite" {
            let recognised = agreed
                .graph
                .order()
                .into_iter()
                .any(|id| matches!(agreed.graph.node(id).op, Op::SqueezeExcite(_)));
            assert!(recognised, "{}:\n{}", case.name, agreed.graph);
        }
    }
    rust.finish();
}

/// Infinities, NaN, both zeros, subnormals, tails and the edges of clips.
#[test]
fn activations_of_special_values_are_those_of_pytorch() {
    let mut rust = RustBatch::default();
    let tensors = Tensors::read("operators.safetensors");
    let cases = Case::all().into_iter().filter(|case| case.name.ends_with("_special"));
    for case in cases {
        let input = case.tensor(&tensors, "input").unwrap();
        let mut expected = widen(&case.tensor(&tensors, "output").unwrap().data());
        for (x, y) in input.data().iter().zip(&mut expected) {
            // PyTorch divides -inf by inf or multiplies it by 0; the limit is zero, and ours comes as near as the
            // tail does.
            if matches!(case.operator.as_str(), "silu" | "hard_swish") && *x == f32::NEG_INFINITY {
                assert!(y.is_nan());
                *y = 0.0;
            }
        }
        let agreed =
            run_everywhere(Some(&mut rust), &case.name, &case.graph(&tensors), &[&input.data()], &Taps::None);
        // exp is accurate to 1e-7 and three more roundings follow. Below -87 it is taken to be exp(-87), so the
        // tails end at 87 * exp(-87), about 1.5e-36, instead of vanishing.
        let bound = |expected: f64| 4e-7 * expected.abs() + 1.5e-36;
        assert_within(&case.name, &widen(&agreed.outputs[0]), &expected, bound);
    }
    rust.finish();
}
