//! All problems at once: every node that is not covered, by name, operator, operator set and reason.

use crate::check::bounded_import;
use crate::encode::{FLOAT, Model, int, node, tensor, value};

#[test]
fn every_unsupported_node_is_named() {
    let named = |name: &str, node: crate::encode::Bytes| node.text(3, name);
    let mut model = Model::new(&[
        named("first", node("Einsum", &["x"], &["a"], &[])),
        named("second", node("LpPool", &["a"], &["b"], &[])),
        named("between", node("Relu", &["b"], &["c"], &[])),
        named("third", node("Gelu", &["c"], &["d"], &[]).text(7, "com.example")),
        named("fourth", node("Conv", &["d", "w"], &["y"], &[int("group", 1), int("sparsity", 2)])),
        named("fifth", node("MaxPool", &["x"], &["z"], &[])),
    ])
    .with(&[tensor("w", &[4, 4, 1, 1])]);
    model.outputs.push(value("z", FLOAT, &[]));
    let faults = bounded_import("five faults", &model.file()).unwrap_err();
    let lines: Vec<String> = faults.list.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "error[RX0902]: first: Einsum (opset 17): the operator is not supported",
            "error[RX0902]: second: LpPool (opset 17): the operator is not supported",
            "error[RX0902]: third: Gelu (opset 17): operators of domain com.example are not supported",
            "error[RX0902]: fourth: Conv (opset 17): attribute sparsity is not known",
            "error[RX0902]: fifth: MaxPool (opset 17): kernel_shape is missing",
        ]
    );
}

#[test]
fn faults_of_all_kinds_come_together() {
    let mut model = Model::new(&[
        node("Einsum", &["x"], &["a"], &[]),
        node("Relu", &["missing"], &["b"], &[]),
        node("Relu", &["d"], &["c"], &[]),
        node("Sinh", &["c"], &["d"], &[]),
    ]);
    model.inputs.push(value("ids", 7, &[1]));
    let text = bounded_import("kinds", &model.file()).unwrap_err().to_string();
    for part in [
        "ids: the input is of type int64",
        "Einsum",
        "\"missing\" is never defined",
        "cycle",
        "Sinh",
        "y: the output",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
