//! Inverted bottlenecks of shapes that fill no tile: single pixels, single channels, primes, maps smaller than the
//! kernel.

use crate::batch::RustBatch;
use crate::inputs;
use crate::reference::conform;
use rexnet_ir::graph::{Activation, BinaryKind, Conv2d, Graph, NodeId, Op, SqueezeExcite};
use rexnet_ir::weights::seed;

/// The distance from the f64 reference, in the output's range: three layers of sums of at most 97 products.
const TOLERANCE: f64 = 4e-6;

/// Channels in, expanded and out; rows and columns; kernel, stride and images.
type Shape = ([usize; 3], [usize; 2], [usize; 3]);

const SHAPES: &[Shape] = &[
    ([1, 1, 1], [1, 1], [1, 1, 1]),
    ([1, 17, 2], [1, 1], [3, 1, 1]),
    ([3, 31, 5], [1, 7], [3, 1, 2]),
    ([7, 33, 11], [2, 1], [5, 2, 1]),
    ([13, 41, 13], [5, 5], [3, 1, 1]),
    ([16, 64, 24], [7, 7], [3, 1, 1]),
    ([19, 97, 29], [7, 7], [3, 2, 1]),
    ([8, 40, 8], [13, 11], [5, 1, 1]),
    ([11, 32, 23], [14, 3], [7, 2, 3]),
    ([5, 49, 37], [17, 29], [3, 1, 1]),
    ([2, 16, 16], [3, 37], [9, 1, 1]),
];

fn convolution(graph: &mut Graph, x: NodeId, name: &str, dims: [usize; 4], stride: usize) -> NodeId {
    let mut editor = graph.edit();
    let weight = editor.constant(format!("{name}.weight"), &dims).unwrap();
    let bias = editor.constant(format!("{name}.bias"), &[dims[0]]).unwrap();
    let groups = if dims[1] == 1 && name == "depthwise" { dims[0] } else { 1 };
    let conv =
        Conv2d { stride: [stride; 2], pad: [dims[2] / 2; 4], groups, bias: true, ..Conv2d::pointwise() };
    editor.add(Op::Conv2d(conv), &[x, weight, bias], name).unwrap()
}

fn activate(graph: &mut Graph, x: NodeId, name: &str, function: Activation) -> NodeId {
    graph.edit().add(function.into(), &[x], name).unwrap()
}

/// The block, with or without squeeze-excite, whose depthwise convolution has an activation of its own.
fn block(shape: &Shape, squeeze: bool, after_depthwise: Activation) -> Graph {
    let ([c, expanded, m], [height, width], [kernel, stride, images]) = *shape;
    let mut graph = Graph::new("bottleneck");
    let input = graph.edit().input("input", &[images, c, height, width]).unwrap();
    // So that the expansion reads channels last.
    let x = activate(&mut graph, input, "before", Activation::Relu6);
    let x = convolution(&mut graph, x, "expand", [expanded, c, 1, 1], 1);
    let x = activate(&mut graph, x, "expand.act", Activation::Silu);
    let x = convolution(&mut graph, x, "depthwise", [expanded, 1, kernel, kernel], stride);
    let mut x = activate(&mut graph, x, "depthwise.act", after_depthwise);
    if squeeze {
        let mut editor = graph.edit();
        let operands = [
            x,
            editor.constant("reduce.weight", &[3, expanded, 1, 1]).unwrap(),
            editor.constant("reduce.bias", &[3]).unwrap(),
            editor.constant("gate.weight", &[expanded, 3, 1, 1]).unwrap(),
            editor.constant("gate.bias", &[expanded]).unwrap(),
        ];
        let attributes = SqueezeExcite { activation: Activation::Relu, gate: Activation::Sigmoid };
        let gate = editor.add(Op::SqueezeExcite(attributes), &operands, "gate").unwrap();
        x = editor.add(BinaryKind::Mul.into(), &[x, gate], "gated").unwrap();
    }
    let mut x = convolution(&mut graph, x, "project", [m, expanded, 1, 1], 1);
    if stride == 1 {
        let covered = graph.edit().input("shortcut", &[images, m.div_ceil(2), height, width]).unwrap();
        x = graph.edit().add(Op::PrefixAdd, &[x, covered], "sum").unwrap();
    }
    graph.edit().output("output", x);
    seed(&mut graph, 5).unwrap();
    graph
}

#[test]
fn bottlenecks_of_awkward_shapes() {
    let mut rust = RustBatch::default();
    for shape in SHAPES {
        for (squeeze, function) in
            [(false, Activation::Relu6), (true, Activation::Relu6), (true, Activation::Silu)]
        {
            let graph = block(shape, squeeze, function);
            let data = inputs::for_graph(&graph);
            let what = format!("{shape:?}, squeeze {squeeze}, {}", function.name());
            conform(Some(&mut rust), &what, &graph, &inputs::borrow(&data), TOLERANCE);
        }
    }
    rust.finish();
}
