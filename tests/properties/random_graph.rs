//! Random graphs of small tensors with many lives: values read late, read twice, joined and split.

use crate::choices::Choices;
use rexnet_ir::graph::{
    Activation, BinaryKind, Concat, Conv2d, Coordinates, DepthOrder, DepthToSpace, Function, Gather, Graph,
    Indices, Interpolation, NodeId, Op, Pad, Pool2d, PoolKind, Reduce, ReduceKind, Reshape, Resize, Slice,
    Softmax, Transpose,
};
use rexnet_ir::weights::seed;

/// A verified graph of the given choices, its weights bound.
pub(crate) fn random_graph(choices: &mut Choices) -> Graph {
    let mut graph = Graph::new("random");
    let dims = [1 + choices.below(2), 1 + choices.below(12), 1 + choices.below(4), 1 + choices.below(4)];
    let mut values = vec![graph.edit().input("x", &dims).unwrap()];
    for _ in 0..1 + choices.below(14) {
        let value = random_node(&mut graph, choices, &values);
        values.push(value);
    }
    let last = values[values.len() - 1];
    graph.edit().output("last", last);
    // Any other value may be an output as well, an input too.
    for index in 0..choices.below(3) {
        let output = choices.one_of(&values);
        graph.edit().output(format!("also{index}"), output);
    }
    seed(&mut graph, 5).unwrap();
    graph.verify().unwrap_or_else(|faults| panic!("{faults}\n{graph}"));
    graph
}

fn random_node(graph: &mut Graph, choices: &mut Choices, values: &[NodeId]) -> NodeId {
    let x = choices.one_of(values);
    let ty = graph.node(x).ty.clone();
    let alike: Vec<NodeId> = values.iter().copied().filter(|&id| graph.node(id).ty.dims == ty.dims).collect();
    let other = choices.one_of(&alike);
    let (op, operands) = match choices.below(19) {
        0 => (BinaryKind::Add.into(), vec![x, other]),
        1 => (BinaryKind::Mul.into(), vec![x, other]),
        2 => {
            let function = choices.one_of(Activation::ALL);
            (function.into(), vec![x])
        }
        3 if ty.channels() < 30 => (Op::Concat(Concat { axis: 1 }), vec![x, other]),
        4 => {
            let start = choices.below(ty.channels());
            let end = start + 1 + choices.below(ty.channels() - start);
            (Op::Slice(Slice { axis: 1, start, end }), vec![x])
        }
        5 => (Op::GlobalAveragePool, vec![x]),
        6 => (Op::Unary(Function::Clip { min: -1.0, max: 0.5 }), vec![x]),
        7 if ty.height() > 1 && ty.width() > 1 => {
            let kind = choices.one_of(&[PoolKind::Average, PoolKind::Max]);
            (
                Op::Pool2d(Pool2d {
                    kind,
                    kernel: [2, 2],
                    stride: [1, 1],
                    pad: [0, 0, 1, 1],
                    dilation: [1, 1],
                }),
                vec![x],
            )
        }
        8 => {
            let gate = graph.edit().add(Op::GlobalAveragePool, &[other], "pool").unwrap();
            (BinaryKind::Mul.into(), vec![x, gate])
        }
        9 if ty.height() < 5 => {
            let pad = [choices.below(2), choices.below(2), choices.below(2), choices.below(2)];
            (Op::Pad(Pad { pad, value: choices.one_of(&[0.0, 0.5]) }), vec![x])
        }
        10 if ty.height() * ty.width() == 1 => {
            let flat = graph.edit().add(Op::Reshape(Reshape::Flatten), &[x], "flat").unwrap();
            (Op::Reshape(Reshape::Unflatten), vec![flat])
        }
        11 => {
            let kinds = [BinaryKind::Sub, BinaryKind::Maximum, BinaryKind::Minimum];
            (choices.one_of(&kinds).into(), vec![x, other])
        }
        12 => {
            let axis = choices.below(4);
            let kind = choices.one_of(&[ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max, ReduceKind::Min]);
            (Op::Reduce(Reduce { kind, axis }), vec![x])
        }
        13 => (Op::Softmax(Softmax { axis: choices.below(4) }), vec![x]),
        14 => {
            let mut order = vec![0, 1, 2, 3];
            for last in (1..4).rev() {
                order.swap(last, choices.below(last + 1));
            }
            (Op::Transpose(Transpose { order }), vec![x])
        }
        15 => {
            let mut dims = ty.dims.clone();
            dims.reverse();
            (Op::Reshape(Reshape::To(dims)), vec![x])
        }
        16 if ty.elements() < 4000 => {
            let axis = 2 + choices.below(2);
            let size = 1 + choices.below(9);
            let coordinates = choices.one_of(&[
                Coordinates::HalfPixel,
                Coordinates::HalfPixelOrZero,
                Coordinates::HalfPixelSymmetric,
                Coordinates::HalfPixelWhole,
                Coordinates::Region,
                Coordinates::AlignCorners,
                Coordinates::Asymmetric,
            ]);
            let interpolation = choices.one_of(&[
                Interpolation::NearestFloor,
                Interpolation::NearestCeil,
                Interpolation::NearestPreferFloor,
                Interpolation::NearestPreferCeil,
                Interpolation::Linear,
                Interpolation::Cubic,
            ]);
            // Places between elements have no whole coordinates.
            let coordinates = match (coordinates, interpolation) {
                (Coordinates::HalfPixelWhole, Interpolation::Linear | Interpolation::Cubic) => {
                    Coordinates::HalfPixel
                }
                (other, _) => other,
            };
            let scale = size as f64 / ty.dim(axis) as f64;
            let resize = Resize {
                antialias: choices.below(2) == 1,
                exclude_outside: choices.below(2) == 1,
                ..Resize::new(axis, size, coordinates, interpolation, scale)
            };
            (Op::Resize(resize), vec![x])
        }
        18 => {
            let axis = choices.below(4);
            let indices: Vec<usize> =
                (0..1 + choices.below(2 * ty.dim(axis))).map(|_| choices.below(ty.dim(axis))).collect();
            (Op::Gather(Gather { axis, indices: Indices::of(&indices) }), vec![x])
        }
        17 if ty.channels().is_multiple_of(2) => {
            let order = choices.one_of(&[DepthOrder::BlockFirst, DepthOrder::ChannelFirst]);
            let block = choices.one_of(&[[1, 2], [2, 1]]);
            (Op::DepthToSpace(DepthToSpace { block, order }), vec![x])
        }
        _ => {
            let weight = format!("w{}", graph.len());
            let channels = 1 + choices.below(20);
            let weight = graph.edit().constant(weight, &[channels, ty.channels(), 1, 1]).unwrap();
            (Op::Conv2d(Conv2d::pointwise()), vec![x, weight])
        }
    };
    let name = op.name();
    graph.edit().add(op, &operands, name).unwrap()
}
