//! Parts, pads, arithmetic and modes with absurd arguments, or of a meaning that we do not cover:
//! refused, never read as another.

use crate::check::check_all;
use crate::encode::{
    Bytes, Model, float, held, int, ints, list, node, raw_tensor, scalar, single, subgraph, tensor, text,
};

type Row = (&'static str, &'static str, &'static str, Vec<u8>);

const REFUSED: &str = "RX0902";

#[test]
fn parts_and_pads() {
    let split = |outputs: &[&str], attributes: &[Bytes], version: i64| {
        let shown = outputs.iter().find(|name| !name.is_empty()).copied().unwrap_or("x");
        let nodes = [node("Split", &["x"], outputs, attributes), node("Relu", &[shown], &["y"], &[])];
        Model::new(&nodes).opset(version).file()
    };
    let pad = |pads: &[i64]| single("Pad", &["x", "l"], &[], &[list("l", pads)]);
    let padded_with = |value: f32| {
        single("Pad", &["x", "l", "v"], &[], &[list("l", &[0, 0, 1, 1, 0, 0, 1, 1]), scalar("v", value)])
    };
    let rows: Vec<Row> = vec![
        ("split", "", "", split(&["a", "b"], &[int("axis", 1)], 17)),
        (
            "split with a part left out",
            "",
            "",
            split(&["a", "", "c"], &[int("axis", 1), ints("split", &[1, 1, 2])], 17),
        ),
        ("split unevenly before 18", REFUSED, "divide", split(&["a", "b", "c"], &[int("axis", 1)], 17)),
        ("split unevenly", REFUSED, "make up", split(&["a", "b", "c"], &[int("axis", 1)], 18)),
        (
            "other number of outputs",
            REFUSED,
            "3 parts",
            split(&["a", "b"], &[int("axis", 1), int("num_outputs", 3)], 18),
        ),
        ("no outputs", REFUSED, "for 0 outputs", split(&[], &[int("axis", 1)], 17)),
        ("too many parts", REFUSED, "parts", split(&["a", "b", "c", "d", "e"], &[int("axis", 1)], 17)),
        (
            "parts that do not add up",
            REFUSED,
            "make up",
            split(&["a", "b"], &[int("axis", 1), ints("split", &[1, 2])], 17),
        ),
        (
            "parts that overflow",
            REFUSED,
            "make up",
            split(&["a", "b", "c"], &[int("axis", 1), ints("split", &[i64::MAX, i64::MAX, 6])], 17),
        ),
        (
            "negative part",
            REFUSED,
            "negative",
            split(&["a", "b"], &[int("axis", 1), ints("split", &[-1, 5])], 17),
        ),
        ("empty part", REFUSED, "make up", split(&["a", "b"], &[int("axis", 1), ints("split", &[0, 4])], 17)),
        ("split along axis 4", REFUSED, "no axis 4", split(&["a", "b"], &[int("axis", 4)], 17)),
        ("pad", "", "", pad(&[0, 0, 1, 1, 0, 0, 1, 1])),
        ("pad nothing", "", "", pad(&[0; 8])),
        ("pad channels", "", "", pad(&[0, 1, 0, 0, 0, 0, 0, 0])),
        ("negative pad", "", "", pad(&[0, 0, -1, 0, 0, 0, 0, 0])),
        ("huge pad", REFUSED, "2^29", pad(&[0, 0, i64::MAX, 0, 0, 0, i64::MAX, 0])),
        ("seven pads", REFUSED, "7 pads", pad(&[0; 7])),
        ("pad with ones", "", "", padded_with(1.0)),
        ("pad with NaN", REFUSED, "with NaN", padded_with(f32::NAN)),
        ("reflect", "", "", single("Pad", &["x", "l"], &[text("mode", "reflect")], &[list("l", &[0; 8])])),
    ];
    check_all(rows);
}

#[test]
fn arithmetic_and_modes() {
    let with = |op: &str, b: Bytes| single(op, &["x", "b"], &[], &[b]);
    let b = |dims: &[i64]| tensor("b", dims);
    let norm = |outputs: &[&str], attributes: &[Bytes]| {
        let inputs = ["x", "c", "c", "c", "c"];
        Model::new(&[node("BatchNormalization", &inputs, outputs, attributes)])
            .with(&[tensor("c", &[4])])
            .file()
    };
    let gemm = |c: &[i64]| {
        let nodes = [
            node("Flatten", &["x"], &["f"], &[]),
            node("Gemm", &["f", "w", "c"], &["y"], &[int("transB", 1)]),
        ];
        Model::new(&nodes).with(&[tensor("w", &[3, 256]), tensor("c", c)]).file()
    };
    let rows: Vec<Row> = vec![
        ("a value a channel", "", "", with("Mul", b(&[4, 1, 1]))),
        ("a value for all", "", "", with("Add", b(&[1]))),
        ("along the width", "", "", with("Add", b(&[8]))),
        ("more axes", "", "", with("Add", b(&[1, 1, 1, 1, 1]))),
        ("more axes for each channel", "", "", with("Mul", b(&[1, 1, 4, 1, 1]))),
        ("a larger constant", "", "", with("Add", b(&[2, 4, 8, 8]))),
        ("a constant that does not fit", REFUSED, "do not broadcast", with("Add", b(&[7]))),
        ("division by zero", "", "", with("Div", scalar("b", 0.0))),
        ("division by the least", "", "", with("Div", scalar("b", 1e-44))),
        ("constant first", "", "", single("Sub", &["b", "x"], &[], &[b(&[1])])),
        ("three terms", "", "", single("Max", &["x", "b", "b"], &[], &[b(&[1])])),
        ("a term left out", REFUSED, "input 1 is missing", single("Sum", &["x", ""], &[], &[])),
        (
            "bounds out of order",
            "",
            "",
            single("Clip", &["x", "b", "c"], &[], &[scalar("b", 1.0), scalar("c", 0.0)]),
        ),
        (
            "bound that is NaN",
            REFUSED,
            "not in order",
            single("Clip", &["x", "b"], &[], &[scalar("b", f32::NAN)]),
        ),
        ("lower bound left out", "", "", single("Clip", &["x", "", "b"], &[], &[b(&[])])),
        (
            "bounds given twice",
            REFUSED,
            "as an attribute and",
            single("Clip", &["x", "b"], &[float("min", 0.0)], &[b(&[])]),
        ),
        ("old bounds", "", "", single("Clip", &["x"], &[float("min", 0.0), float("max", 6.0)], &[])),
        ("bias of rank 1", "", "", gemm(&[3])),
        ("bias of rank 3", REFUSED, "a bias of shape", gemm(&[1, 1, 3])),
        ("bias of another length", REFUSED, "a bias of shape", gemm(&[2])),
        ("batch norm", "", "", norm(&["y"], &[])),
        ("training", REFUSED, "training", norm(&["y"], &[int("training_mode", 1)])),
        ("outputs of training", REFUSED, "training", norm(&["y", "m", "v"], &[])),
        ("statistics of pixels", REFUSED, "pixel", norm(&["y"], &[int("spatial", 0)])),
        ("consumed inputs", REFUSED, "consumed_inputs", norm(&["y"], &[ints("consumed_inputs", &[0, 0])])),
        (
            "dropout",
            "",
            "",
            Model::new(&[node("Dropout", &["x"], &["y", "mask"], &[float("ratio", 0.5)])]).file(),
        ),
        ("dropout of old", REFUSED, "is_test", single("Dropout", &["x"], &[int("is_test", 0)], &[])),
        (
            "dropout in training",
            REFUSED,
            "training",
            single("Dropout", &["x", "b", "t"], &[], &[scalar("b", 0.5), raw_tensor("t", 9, &[], &[1])]),
        ),
        (
            "broadcast of old",
            REFUSED,
            "axis",
            single("Add", &["x", "b"], &[int("axis", 1), int("broadcast", 1)], &[b(&[4])]),
        ),
        (
            "constant without value",
            REFUSED,
            "no value",
            Model::new(&[node("Constant", &[], &["b"], &[]), node("Add", &["x", "b"], &["y"], &[])]).file(),
        ),
        (
            "constant with two values",
            REFUSED,
            "more than one",
            Model::new(&[
                node("Constant", &[], &["b"], &[float("value_float", 1.0), int("value_int", 1)]),
                node("Add", &["x", "b"], &["y"], &[]),
            ])
            .file(),
        ),
        (
            "constant of a broken tensor",
            "RX0903",
            "0 bytes",
            Model::new(&[
                node("Constant", &[], &["b"], &[held("value", &raw_tensor("", 1, &[9], &[]))]),
                node("Add", &["x", "b"], &["y"], &[]),
            ])
            .file(),
        ),
        ("if", REFUSED, "If", single("If", &["x"], &[subgraph("then_branch", &Bytes::default())], &[])),
        (
            "loop",
            REFUSED,
            "Loop",
            single("Loop", &["", "", "x"], &[subgraph("body", &Bytes::default())], &[]),
        ),
        ("scale of swish", "", "", single("Swish", &["x"], &[float("alpha", 2.0)], &[])),
    ];
    check_all(rows);
}
