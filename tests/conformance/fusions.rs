//! What the passes fuse: each combination of kernel, activation, shortcut and gate.

use crate::batch::RustBatch;
use crate::inputs;
use crate::reference::conform;
use rexnet_ir::graph::{
    Activation, BinaryKind, Conv2d, Dense, Graph, KernelSlice, NodeId, Op, SqueezeExcite,
};
use rexnet_ir::weights::seed;

/// The distance from the f64 reference, in the output's range: sums of at most 9 · 38 products in f32, each
/// rounded to 6e-8 of a partial sum that is no larger than a few ranges.
const TOLERANCE: f64 = 2e-6;

/// A convolution to try fusions on: channels in and out, size, kernel, groups, and what it is called.
struct Shape {
    name: &'static str,
    batch: usize,
    channels: [usize; 2],
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    pad: [usize; 4],
    groups: usize,
    /// Kernels of several sizes: side and channels of each.
    slices: &'static [(usize, usize)],
}

const POINTWISE: Shape = Shape {
    name: "pointwise",
    batch: 2,
    channels: [27, 38],
    size: [5, 3],
    kernel: [1, 1],
    stride: [1, 1],
    pad: [0; 4],
    groups: 1,
    slices: &[],
};

const SHAPES: &[Shape] = &[
    POINTWISE,
    Shape { name: "pointwise to a wide output", channels: [8, 61], batch: 1, ..POINTWISE },
    Shape { name: "pointwise of one pixel", channels: [61, 27], size: [1, 1], batch: 1, ..POINTWISE },
    // A border of groups within a vector, at the end of one, and eight groups of odd extents.
    Shape { name: "pointwise, 2 groups", channels: [30, 40], groups: 2, ..POINTWISE },
    Shape {
        name: "pointwise, 2 groups of whole panels",
        channels: [16, 64],
        batch: 1,
        groups: 2,
        ..POINTWISE
    },
    Shape { name: "pointwise, 8 groups", channels: [24, 56], size: [3, 3], batch: 1, groups: 8, ..POINTWISE },
    Shape {
        name: "depthwise",
        channels: [38, 38],
        size: [7, 6],
        kernel: [3, 3],
        pad: [1; 4],
        groups: 38,
        ..POINTWISE
    },
    Shape {
        name: "depthwise, stride 2",
        channels: [27, 27],
        size: [8, 9],
        kernel: [5, 5],
        stride: [2, 2],
        pad: [1, 2, 2, 2],
        groups: 27,
        ..POINTWISE
    },
    Shape {
        name: "depthwise, kernels of 3 sizes",
        channels: [51, 51],
        size: [9, 8],
        kernel: [7, 7],
        pad: [3; 4],
        groups: 51,
        slices: &[(3, 15), (5, 23), (7, 13)],
        ..POINTWISE
    },
    Shape {
        name: "depthwise, kernels of 4 sizes, stride 2",
        channels: [70, 70],
        batch: 1,
        size: [10, 12],
        kernel: [9, 9],
        stride: [2, 2],
        pad: [4, 4, 4, 4],
        groups: 70,
        slices: &[(3, 32), (9, 1), (1, 2), (5, 35)],
    },
    Shape { name: "dense", channels: [9, 21], size: [6, 7], kernel: [3, 3], pad: [1; 4], ..POINTWISE },
    Shape {
        name: "dense, groups",
        channels: [12, 18],
        size: [6, 5],
        kernel: [3, 3],
        stride: [2, 1],
        pad: [1; 4],
        groups: 3,
        ..POINTWISE
    },
];

fn activate(graph: &mut Graph, x: NodeId, function: Activation) -> NodeId {
    graph.edit().add(function.into(), &[x], function.name()).unwrap()
}

impl Shape {
    /// The convolution with a bias; its weights are seeded later.
    fn convolution(&self, graph: &mut Graph, x: NodeId, name: &str) -> NodeId {
        let [c, m] = self.channels;
        let mut editor = graph.edit();
        let dims = [m, c / self.groups, self.kernel[0], self.kernel[1]];
        let weight = editor.constant(format!("{name}.weight"), &dims).unwrap();
        let bias = editor.constant(format!("{name}.bias"), &[m]).unwrap();
        let conv = Conv2d {
            stride: self.stride,
            pad: self.pad,
            groups: self.groups,
            slices: self.slices.iter().map(|&(kernel, channels)| KernelSlice { kernel, channels }).collect(),
            bias: true,
            ..Conv2d::pointwise()
        };
        editor.add(Op::Conv2d(conv), &[x, weight, bias], name).unwrap()
    }

    fn input(&self, graph: &mut Graph) -> NodeId {
        let dims = [self.batch, self.channels[0], self.size[0], self.size[1]];
        graph.edit().input("input", &dims).unwrap()
    }
}

/// Completes a graph with weights, runs it everywhere and asserts that only these operators are left.
fn conform_as(
    rust: Option<&mut RustBatch>,
    what: &str,
    mut graph: Graph,
    output: NodeId,
    operators: &[&str],
) {
    graph.edit().output("output", output);
    seed(&mut graph, 7).unwrap();
    let data = inputs::for_graph(&graph);
    let agreed = conform(rust, what, &graph, &inputs::borrow(&data), TOLERANCE);
    let left = agreed.graph.order().into_iter().map(|id| agreed.graph.node(id).op.name());
    let left: Vec<&str> = left.filter(|name| !matches!(*name, "input" | "constant" | "relayout")).collect();
    assert_eq!(left, operators, "{what}:\n{}", agreed.graph);
}

/// One function of each kind: none, bounds, one that is applied to finished rows, one that does not keep zero. The
/// others become different expressions in the same places; what they compute is tried by themselves.
fn is_typical(function: Option<Activation>) -> bool {
    matches!(function, None | Some(Activation::Relu6 | Activation::Silu | Activation::Sigmoid))
}

#[test]
fn convolutions_with_activations_and_shortcuts() {
    let mut rust = RustBatch::default();
    let functions = Activation::ALL.iter().copied().map(Some).chain([None]);
    for (shape, function) in SHAPES.iter().flat_map(|shape| functions.clone().map(move |f| (shape, f))) {
        let channels = shape.channels[1];
        // A shortcut of no channels, of few, of a panel's half, of more than a panel, of all.
        let every = [0, 5, 8, 17, channels];
        // An activation does not know what is added after it: the rarer ones meet one shortcut.
        let some = [0, 17];
        for &covered in if is_typical(function) { &every[..] } else { &some[..] } {
            let mut graph = Graph::new("fusion");
            let x = shape.input(&mut graph);
            let mut result = shape.convolution(&mut graph, x, "conv");
            if let Some(function) = function {
                result = activate(&mut graph, result, function);
            }
            if covered > 0 {
                let ty = &graph.node(result).ty;
                let dims = [ty.batch(), covered, ty.height(), ty.width()];
                let shortcut = graph.edit().input("shortcut", &dims).unwrap();
                result = graph.edit().add(Op::PrefixAdd, &[result, shortcut], "sum").unwrap();
            }
            let name = function.map_or("none", Activation::name);
            let what = format!("{}, {name}, shortcut of {covered} channels", shape.name);
            // rustc needs a tenth of a second for each: where two things meet that are tried apart, one case does.
            let tried = is_typical(function)
                && (covered == 0 || covered == 17 || function == Some(Activation::Relu6));
            conform_as(tried.then_some(&mut rust), &what, graph, result, &["conv2d"]);
        }
    }
    rust.finish();
}

/// The projection of a ReXNet block: the gate, then ReLU6, then the pointwise convolution with its shortcut.
#[test]
fn gates_and_input_activations() {
    let mut rust = RustBatch::default();
    let functions = Activation::ALL.iter().copied().map(Some).chain([None]);
    for (shape, function) in
        SHAPES[..6].iter().flat_map(|shape| functions.clone().map(move |function| (shape, function)))
    {
        for &shortcut in if is_typical(function) { &[false, true][..] } else { &[true] } {
            let mut graph = Graph::new("gate");
            let x = shape.input(&mut graph);
            let gate = graph.edit().input("gate", &[shape.batch, shape.channels[0], 1, 1]).unwrap();
            let mut result = graph.edit().add(BinaryKind::Mul.into(), &[x, gate], "gated").unwrap();
            if let Some(function) = function {
                result = activate(&mut graph, result, function);
            }
            result = shape.convolution(&mut graph, result, "project");
            if shortcut {
                let dims = [shape.batch, 9, shape.size[0], shape.size[1]];
                let part = graph.edit().input("shortcut", &dims).unwrap();
                result = graph.edit().add(Op::PrefixAdd, &[result, part], "sum").unwrap();
            }
            let name = function.map_or("none", Activation::name);
            let what = format!("{}, gate, {name}, shortcut {shortcut}", shape.name);
            conform_as(is_typical(function).then_some(&mut rust), &what, graph, result, &["conv2d"]);
        }
    }
    rust.finish();
}

#[test]
fn dense_layers_with_activations() {
    let mut rust = RustBatch::default();
    let functions = Activation::ALL.iter().copied().map(Some).chain([None]);
    for (function, bias) in functions.flat_map(|function| [(function, false), (function, true)]) {
        for (batch, channels, outputs) in [(1, 61, 10), (3, 38, 27), (7, 5, 128), (1, 200, 1000)] {
            let mut graph = Graph::new("dense");
            let mut editor = graph.edit();
            let x = editor.input("input", &[batch, channels]).unwrap();
            let mut operands = vec![x, editor.constant("weight", &[outputs, channels]).unwrap()];
            if bias {
                operands.push(editor.constant("bias", &[outputs]).unwrap());
            }
            let mut result =
                editor.add(Op::Dense(Dense { bias, activation: None }), &operands, "dense").unwrap();
            if let Some(function) = function {
                result = activate(&mut graph, result, function);
            }
            let what = format!("dense {batch}x{channels} to {outputs}, bias {bias}, {function:?}");
            conform_as(is_typical(function).then_some(&mut rust), &what, graph, result, &["dense"]);
        }
    }
    rust.finish();
}

#[test]
fn squeeze_excite_gates() {
    let mut rust = RustBatch::default();
    let gates = [Activation::Sigmoid, Activation::HardSigmoid];
    for (&activation, gate) in Activation::ALL.iter().zip(gates.into_iter().cycle()) {
        for (batch, channels, reduced, size) in [(1, 24, 6, [5, 4]), (2, 38, 3, [1, 7]), (3, 228, 19, [2, 2])]
        {
            let mut graph = Graph::new("gate");
            let mut editor = graph.edit();
            let operands = [
                editor.input("input", &[batch, channels, size[0], size[1]]).unwrap(),
                editor.constant("reduce.weight", &[reduced, channels, 1, 1]).unwrap(),
                editor.constant("reduce.bias", &[reduced]).unwrap(),
                editor.constant("expand.weight", &[channels, reduced, 1, 1]).unwrap(),
                editor.constant("expand.bias", &[channels]).unwrap(),
            ];
            let op = Op::SqueezeExcite(SqueezeExcite { activation, gate });
            let node = editor.add(op, &operands, "gate").unwrap();
            let what =
                format!("{batch}x{channels} through {reduced}, {}, {}", activation.name(), gate.name());
            let tried = is_typical(Some(activation));
            conform_as(tried.then_some(&mut rust), &what, graph, node, &["squeeze_excite"]);
        }
    }
    rust.finish();
}
