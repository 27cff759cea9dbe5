//! Transposed tensors, tensors of a rank above 4, comparisons and sequences, which are no tensors of the graph: refused
//! wherever they cannot be looked through, never read as another.

use crate::check::check_all;
use crate::encode::{Bytes, FLOAT, Model, int, integers, ints, list, node, scalar, single, value};

type Row = (&'static str, &'static str, &'static str, Vec<u8>);

const REFUSED: &str = "RX0902";

#[test]
fn transposed_tensors_and_sequences() {
    let order = |perm: &[i64]| ints("perm", perm);
    let chain = |nodes: &[Bytes]| Model::new(nodes).with(&[list("l", &[1, 3])]).file();
    let turned = node("Transpose", &["x"], &["t"], &[order(&[0, 2, 3, 1])]);
    let parts = |sizes: Bytes, position: i64| {
        let nodes = [
            node("SplitToSequence", &["x", "sizes"], &["q"], &[int("axis", 1)]),
            node("SequenceAt", &["q", "at"], &["y"], &[]),
        ];
        Model::new(&nodes).with(&[sizes, integers("at", &[], &[position])]).file()
    };
    let sizes = |values: &[i64]| list("sizes", values);
    let size = |value: i64| integers("sizes", &[], &[value]);
    let whole = |attributes: &[Bytes]| {
        let nodes = [
            node("SplitToSequence", &["x"], &["q"], attributes),
            node("SequenceAt", &["q", "at"], &["y"], &[]),
        ];
        Model::new(&nodes).with(&[integers("at", &[], &[0])]).file()
    };
    let rows: Vec<Row> = vec![
        (
            "there and back",
            "",
            "",
            chain(&[
                turned.clone(),
                node("Identity", &["t"], &["u"], &[]),
                node("Transpose", &["u"], &["v"], &[order(&[0, 3, 1, 2])]),
                node("Relu", &["v"], &["y"], &[]),
            ]),
        ),
        ("three turns", "", "", {
            let turn = |from: &str, to: &str| node("Transpose", &[from], &[to], &[order(&[0, 2, 3, 1])]);
            chain(&[turn("x", "a"), turn("a", "b"), turn("b", "c"), node("Relu", &["c"], &["y"], &[])])
        }),
        ("a transposed map", "", "", chain(&[turned.clone(), node("Relu", &["t"], &["y"], &[])])),
        (
            "a transposed map with a shape that does not fit",
            REFUSED,
            "shape [1, 8, 8, 4] cannot become",
            chain(&[turned.clone(), node("Reshape", &["t", "l"], &["y"], &[])]),
        ),
        ("a transposed output", "", "", single("Transpose", &["x"], &[], &[])),
        (
            "an order of three axes",
            REFUSED,
            "no order of 4",
            single("Transpose", &["x"], &[order(&[0, 1, 2])], &[]),
        ),
        ("an axis twice", REFUSED, "given twice", single("Transpose", &["x"], &[order(&[0, 1, 1, 2])], &[])),
        (
            "an axis too far",
            REFUSED,
            "no axis",
            single("Transpose", &["x"], &[order(&[0, 1, 2, i64::MAX])], &[]),
        ),
        ("parts", "", "", parts(sizes(&[1, 3]), 1)),
        ("parts from the end", "", "", parts(sizes(&[1, 3]), -2)),
        ("parts of a size", "", "", parts(size(3), 1)),
        ("one part", "", "", parts(size(i64::MAX), 0)),
        ("each", "", "", whole(&[int("axis", 1)])),
        ("each without its axis", "", "", whole(&[int("axis", 1), int("keepdims", 0)])),
        ("parts of axis 4", REFUSED, "no axis 4", whole(&[int("axis", 4)])),
        ("position past the end", REFUSED, "no position 2", parts(sizes(&[1, 3]), 2)),
        ("position before the start", REFUSED, "no position -3", parts(sizes(&[1, 3]), -3)),
        ("least position", REFUSED, "no position", parts(sizes(&[1, 3]), i64::MIN)),
        ("parts that do not add up", REFUSED, "make up", parts(sizes(&[1, 2]), 0)),
        ("parts that overflow", REFUSED, "make up", parts(sizes(&[i64::MAX, i64::MAX, 6]), 0)),
        ("negative part", REFUSED, "a part of -1", parts(sizes(&[-1, 5]), 0)),
        ("empty part", REFUSED, "a part of 0", parts(sizes(&[0, 4]), 0)),
        ("size 0", REFUSED, "a part of 0", parts(size(0), 0)),
        ("no parts", REFUSED, "make up", parts(sizes(&[]), 0)),
        ("sizes that are floats", REFUSED, "integers are needed", parts(scalar("sizes", 2.0), 0)),
        ("a hundred parts", REFUSED, "100 parts", {
            let mut model = Model::new(&[node("SplitToSequence", &["x"], &["y"], &[int("axis", 1)])]);
            model.inputs = vec![value("x", FLOAT, &[1, 100, 1, 1])];
            model.file()
        }),
        (
            "a position of a map",
            REFUSED,
            "no sequence",
            single("SequenceAt", &["x", "l"], &[], &[list("l", &[0])]),
        ),
        (
            "a sequence as a map",
            REFUSED,
            "is a sequence",
            chain(&[
                node("SplitToSequence", &["x", "l"], &["q"], &[int("axis", 1)]),
                node("Relu", &["q"], &["y"], &[]),
            ]),
        ),
        (
            "a sequence as the output",
            REFUSED,
            "the output is a sequence",
            single("SplitToSequence", &["x"], &[int("axis", 1)], &[]),
        ),
    ];
    check_all(rows);
}
