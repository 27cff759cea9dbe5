//! The arithmetic that indices are computed by, with absurd arguments, or of a meaning that we do not cover: refused,
//! never read as another.

use crate::check::check_all;
use crate::encode::{Bytes, FLOAT, Model, integers, list, node, raw_tensor, scalar, tensor, value};

type Row = (&'static str, &'static str, &'static str, Vec<u8>);

const REFUSED: &str = "RX0902";

#[test]
fn arithmetic_of_indices() {
    // The result becomes a shape, so that it must be known.
    let shaped = |op: &str, inputs: &[&str], constants: &[Bytes]| {
        let nodes = [node(op, inputs, &["s"], &[]), node("Reshape", &["x", "s"], &["y"], &[])];
        Model::new(&nodes).with(constants).file()
    };
    let truth = |name: &str, values: &[u8]| raw_tensor(name, 9, &[values.len() as i64], values);
    let chosen = |condition: Bytes, a: Bytes, b: Bytes| shaped("Where", &["c", "a", "b"], &[condition, a, b]);
    let number = |name: &str, value: i64| integers(name, &[], &[value]);
    let range = |start: i64, limit: i64, step: i64| {
        let bounds = [number("a", start), number("b", limit), number("c", step)];
        shaped("Range", &["a", "b", "c"], &bounds)
    };
    let wide = |name: &str, rows: bool| {
        let dims: &[i64] = if rows { &[2048, 1] } else { &[1, 2048] };
        integers(name, dims, &[7; 2048])
    };
    let rows: Vec<Row> = vec![
        ("choice", "", "", chosen(truth("c", &[1, 0]), list("a", &[1, 9]), list("b", &[9, 256]))),
        ("choice that stretches", "", "", chosen(truth("c", &[1]), list("a", &[1, 256]), number("b", 9))),
        (
            "choice of other extents",
            REFUSED,
            "broadcast",
            chosen(truth("c", &[1, 0]), list("a", &[1, 2, 3]), list("b", &[1])),
        ),
        (
            "condition of floats",
            REFUSED,
            "integers are needed",
            chosen(tensor("c", &[1]), list("a", &[1]), list("b", &[1])),
        ),
        (
            "choice of two types",
            REFUSED,
            "mixed",
            chosen(truth("c", &[1]), list("a", &[1]), tensor("b", &[1])),
        ),
        ("a huge choice", REFUSED, "too large", chosen(wide("c", true), wide("a", false), list("b", &[1]))),
        (
            "computed choice",
            REFUSED,
            "must be a constant",
            shaped("Where", &["c", "x", "x"], &[truth("c", &[1])]),
        ),
        (
            "equal",
            REFUSED,
            "cannot become",
            shaped("Equal", &["a", "b"], &[list("a", &[1, 2]), list("b", &[1, 3])]),
        ),
        (
            "equal of other extents",
            REFUSED,
            "broadcast",
            shaped("Equal", &["a", "b"], &[list("a", &[1, 2]), list("b", &[1, 2, 3])]),
        ),
        ("equal floats", REFUSED, "cannot become", shaped("Equal", &["a", "a"], &[tensor("a", &[2])])),
        ("equal maps", REFUSED, "must be a constant", shaped("Equal", &["x", "x"], &[])),
        (
            "equal everywhere",
            REFUSED,
            "too large",
            shaped("Equal", &["a", "b"], &[wide("a", true), wide("b", false)]),
        ),
        ("range", "", "", range(1, 257, 255)),
        ("range backwards", "", "", range(256, 0, -255)),
        ("empty range", REFUSED, "cannot become", range(2, 1, 1)),
        ("range without steps", REFUSED, "step of 0", range(1, 2, 0)),
        ("huge range", REFUSED, "more than 65536", range(i64::MIN, i64::MAX, 1)),
        ("huge range backwards", REFUSED, "more than 65536", range(i64::MAX, i64::MIN, -1)),
        (
            "range by the least step",
            REFUSED,
            "[9223372036854775807, -1]",
            range(i64::MAX, i64::MIN, i64::MIN),
        ),
        (
            "range of floats",
            REFUSED,
            "integers are needed",
            shaped("Range", &["a", "a", "a"], &[scalar("a", 1.0)]),
        ),
        (
            "range of lists",
            REFUSED,
            "a single number",
            shaped("Range", &["a", "a", "a"], &[list("a", &[1, 2])]),
        ),
        ("ranges again and again", REFUSED, "too large", {
            let bounds = [number("a", 0), number("b", 60_000), number("c", 1)];
            let ranges = (0..1000).map(|at| node("Range", &["a", "b", "c"], &[&format!("r{at}")], &[]));
            let mut model = Model::new(&ranges.collect::<Vec<Bytes>>()).with(&bounds);
            model.nodes.push(node("Relu", &["x"], &["y"], &[]));
            model.file()
        }),
        ("indices read again and again", REFUSED, "too large", {
            let places: Vec<i64> = (0..60_000).collect();
            let scatters = (0..1000).map(|at| node("ScatterND", &["x", "i", "x"], &[&format!("s{at}")], &[]));
            let mut model =
                Model::new(&scatters.collect::<Vec<Bytes>>()).with(&[integers("i", &[60_000, 1], &places)]);
            model.inputs = vec![value("x", FLOAT, &[60_000, 1])];
            model.nodes.push(node("Relu", &["x"], &["y"], &[]));
            model.file()
        }),
    ];
    check_all(rows);
}
