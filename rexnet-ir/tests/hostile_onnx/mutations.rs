//! A valid model with some bytes changed: whatever imports can be compiled and evaluated.

use crate::check::bounded_import;
use crate::encode::{Bytes, FLOAT, Model, float, int, ints, list, node, scalar, tensor, value};
use proptest::prelude::*;
use rexnet_ir::graph::{Graph, Op};
use rexnet_ir::passes;
use rexnet_ir::reference::{evaluate, evaluate_outputs};

/// Convolution, batch norm, clip, squeeze-excite, the prefix shortcut, the mean, a dense layer.
pub(crate) fn small_model() -> Model {
    let nodes = [
        node("Conv", &["x", "w0"], &["c0"], &[ints("pads", &[1, 1, 1, 1]), ints("kernel_shape", &[3, 3])]),
        node("BatchNormalization", &["c0", "s", "s", "s", "s"], &["n0"], &[float("epsilon", 1e-3)]),
        node("Clip", &["n0", "zero", "six"], &["a0"], &[]),
        node("ReduceMean", &["a0"], &["m"], &[ints("axes", &[2, 3]), int("keepdims", 1)]),
        node("Conv", &["m", "w1", "b1"], &["r"], &[]),
        node("Relu", &["r"], &["ra"], &[]),
        node("Conv", &["ra", "w2"], &["e"], &[]),
        node("Sigmoid", &["e"], &["g"], &[]),
        node("Mul", &["a0", "g"], &["q"], &[]),
        node("Slice", &["q", "from", "split", "axis"], &["p0"], &[]),
        node("Slice", &["q", "split", "end", "axis"], &["p1"], &[]),
        node("Add", &["p0", "x"], &["p2"], &[]),
        node("Concat", &["p2", "p1"], &["t"], &[int("axis", 1)]),
        node("GlobalAveragePool", &["t"], &["u"], &[]),
        node("Flatten", &["u"], &["v"], &[]),
        node("Gemm", &["v", "w3", "b3"], &["y"], &[int("transB", 1)]),
    ];
    let mut model = Model::new(&nodes).with(&[
        tensor("w0", &[6, 4, 3, 3]),
        tensor("s", &[6]),
        scalar("zero", 0.0),
        scalar("six", 6.0),
        tensor("w1", &[2, 6, 1, 1]),
        tensor("b1", &[2]),
        tensor("w2", &[6, 2, 1, 1]),
        list("from", &[0]),
        list("split", &[4]),
        list("end", &[i64::MAX]),
        list("axis", &[1]),
        tensor("w3", &[5, 6]),
        tensor("b3", &[5]),
    ]);
    model.outputs = vec![value("y", FLOAT, &[1, 5])];
    model
}

/// About how many multiplications a graph takes.
fn work(graph: &Graph) -> usize {
    let of = |id| {
        let node = graph.node(id);
        let taps: usize = match &node.op {
            Op::Conv2d(_) | Op::Dense(_) => graph.node(node.operands[1]).ty.elements() / node.ty.channels(),
            Op::Pool2d(pool) => pool.kernel[0].saturating_mul(pool.kernel[1]),
            _ => 1,
        };
        node.ty.elements().saturating_mul(taps)
    };
    graph.order().into_iter().map(of).fold(0, usize::saturating_add)
}

/// Imports, and where that succeeds runs all passes and evaluates before and after.
fn exercise(file: &[u8]) {
    let Ok(graph) = bounded_import("mutated", file) else { return };
    if work(&graph) > 1_000_000 {
        return;
    }
    let data: Vec<Vec<f32>> = graph
        .inputs()
        .into_iter()
        .map(|id| (0..graph.node(id).ty.elements()).map(|at| (at % 11) as f32 / 5.0 - 1.0).collect())
        .collect();
    let inputs: Vec<&[f32]> = data.iter().map(Vec::as_slice).collect();
    let before = evaluate_outputs(&graph, &inputs).unwrap();
    let mut compiled = graph.clone();
    passes::run(&mut compiled).unwrap();
    let after = evaluate_outputs(&compiled, &inputs).unwrap();
    // Folding rounds once to f32. The error is relative to the largest product, which may cancel.
    let values = evaluate(&graph, &inputs).unwrap();
    let largest_value = largest(values.values().flat_map(|array| array.data.iter().copied()));
    let constants = graph.order().into_iter().filter_map(|id| graph.constant(&graph.node(id).name));
    let largest_constant = largest(constants.flat_map(|tensor| tensor.data().to_vec()).map(f64::from));
    let range = (1.0 + largest_value) * (1.0 + largest_constant);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.dims, after.dims);
        for (x, y) in before.data.iter().zip(&after.data) {
            assert!(range > 1e6 || (x - y).abs() <= 1e-5 * range, "{x} became {y}\n{graph}");
        }
    }
}

/// The largest magnitude; infinite where some number is not finite.
fn largest(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |largest, x| if x.is_finite() { largest.max(x.abs()) } else { f64::INFINITY })
}

#[derive(Clone, Debug)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Delete(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Duplicate(prop::sample::Index, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), 1u8..).prop_map(|(at, bits)| Mutation::Flip(at, bits)),
        1 => (any::<prop::sample::Index>(), 1usize..40).prop_map(|(at, length)| Mutation::Delete(at, length)),
        1 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..12))
            .prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        1 => (any::<prop::sample::Index>(), 1usize..40).prop_map(|(at, length)| Mutation::Duplicate(at, length)),
    ]
}

fn mutated(mut file: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if file.is_empty() {
            break;
        }
        match mutation {
            Mutation::Flip(at, bits) => {
                let at = at.index(file.len());
                file[at] ^= bits;
            }
            Mutation::Delete(at, length) => {
                let at = at.index(file.len());
                file.drain(at..(at + length).min(file.len()));
            }
            Mutation::Insert(at, bytes) => {
                let at = at.index(file.len());
                file.splice(at..at, bytes.iter().copied());
            }
            Mutation::Duplicate(at, length) => {
                let at = at.index(file.len());
                let copy = file[at..(at + length).min(file.len())].to_vec();
                file.splice(at..at, copy);
            }
        }
    }
    file
}

#[test]
fn the_model_itself_imports() {
    let file = small_model().file();
    assert!(bounded_import("small", &file).is_ok());
    exercise(&file);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_are_survived(mutations in prop::collection::vec(mutation(), 1..4)) {
        exercise(&mutated(small_model().file(), &mutations));
    }

    /// Here the framing stays intact, so that most files import or fail late.
    #[test]
    fn changed_numbers_are_survived(
        tensor in 0usize..13,
        dims in prop::collection::vec(prop_oneof![-2i64..9, any::<i64>()], 0..5),
        node in 0usize..16,
        attribute in prop::sample::select(vec!["pads", "strides", "dilations", "axes", "axis", "group", "kernel_shape"]),
        numbers in prop::collection::vec(prop_oneof![-3i64..9, any::<i64>()], 1..5),
    ) {
        let mut model = small_model();
        model.nodes[node] = std::mem::take(&mut model.nodes[node]).message(5, &ints(attribute, &numbers));
        exercise(&model.file());
        model = small_model();
        model.nodes[node] = std::mem::take(&mut model.nodes[node]).message(5, &int(attribute, numbers[0]));
        exercise(&model.file());
        let mut model = small_model();
        let longer = std::mem::take(&mut model.initialisers[tensor]);
        model.initialisers[tensor] = Bytes([Bytes::default().ints(1, &dims).0, longer.0].concat());
        exercise(&model.file());
    }
}
