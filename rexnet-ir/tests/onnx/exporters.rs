//! What both of PyTorch's exporters write, old and new operators, is read with PyTorch's meaning, and the passes see
//! in it what they see in a spec.

use crate::files::{assert_near, imported, kinds, read, rows, tensor, widen};
use rexnet_ir::graph::{Graph, Op};
use rexnet_ir::onnx::{ImportOptions, import};
use rexnet_ir::passes;
use rexnet_ir::reference::evaluate_outputs;
use serde_json::{Value, json};

const CLASSES: usize = 5;

/// Every file, with the batches that it may be bound to.
fn each(mut check: impl FnMut(&str, &Value, usize, Graph)) {
    let rows = rows("index.json");
    assert!(rows.len() >= 40, "{} files", rows.len());
    for row in &rows {
        let name = row["name"].as_str().unwrap();
        let file = read(&format!("{name}.onnx"));
        let batches: &[usize] = if row["dynamic"] == true { &[1, 3] } else { &[1] };
        for &batch in batches {
            check(&format!("{name}, batch {batch}"), row, batch, imported(&file, batch));
        }
    }
}

#[test]
fn files_mean_what_pytorch_computes() {
    each(|what, row, batch, mut graph| {
        let answers = read(&format!("{}.io.safetensors", row["name"].as_str().unwrap()));
        let (input, output) = (tensor(&answers, "input"), widen(&tensor(&answers, "output").data()));
        let image = &input.data()[..batch * input.data().len() / input.dims()[0]];
        let expected = &output[..batch * CLASSES];
        for stage in ["imported", "fused"] {
            let actual = evaluate_outputs(&graph, &[image]).unwrap_or_else(|name| panic!("{what}: {name}"));
            assert_eq!(actual[0].dims, [batch, CLASSES], "{what}");
            assert_near(&format!("{what}, {stage}"), &actual[0].data, expected, CLASSES);
            passes::run_logical(&mut graph).unwrap();
        }
    });
}

#[test]
fn structure_is_recognised_whoever_wrote_it() {
    each(|what, row, _, mut graph| {
        assert_eq!(graph.outputs()[0].name, "logits", "{what}");
        assert_eq!(graph.node(graph.inputs()[0]).name, "image", "{what}");
        passes::run_logical(&mut graph).unwrap();
        if row["kinds"].is_null() {
            // Kernels of several sizes side by side may be left as they are, or not.
            return;
        }
        assert_eq!(json!(kinds(&graph)), row["kinds"], "{what}\n{graph}");
        let convolutions = graph.order().into_iter().filter_map(|id| match &graph.node(id).op {
            Op::Conv2d(conv) => Some(conv.clone()),
            _ => None,
        });
        let (mut shortcuts, mut gates) = (0, 0);
        for conv in convolutions {
            shortcuts += u64::from(conv.shortcut);
            gates += u64::from(conv.gate);
        }
        assert_eq!(
            (json!(shortcuts), json!(gates)),
            (row["shortcuts"].clone(), row["gates"].clone()),
            "{what}"
        );
    });
}

#[test]
fn files_cover_the_operators_that_exporters_use() {
    let rows = rows("index.json");
    let operators: Vec<&str> =
        rows.iter().flat_map(|row| row["operators"].as_array().unwrap()).filter_map(Value::as_str).collect();
    for operator in [
        "BatchNormalization",
        "Cast",
        "Clip",
        "Concat",
        "ConstantOfShape",
        "Equal",
        "Flatten",
        "Gather",
        "Gemm",
        "GlobalAveragePool",
        "MatMul",
        "Pad",
        "Range",
        "ReduceMean",
        "Reshape",
        "ScatterND",
        "SequenceAt",
        "Shape",
        "Slice",
        "Split",
        "SplitToSequence",
        "Swish",
        "Transpose",
        "Where",
    ] {
        assert!(operators.contains(&operator), "{operator}");
    }
    let opsets: Vec<i64> = rows.iter().filter_map(|row| row["opset"].as_i64()).collect();
    assert_eq!((opsets.iter().min(), opsets.iter().max()), (Some(&11), Some(&25)));
}

#[test]
fn external_data_that_is_missing_is_named() {
    let file = read("mobilenet_external.onnx");
    let mut external = |name: &str| Err(format!("{name} is not there"));
    let faults = import(file, &mut external, &ImportOptions::with_batch(1)).unwrap_err();
    assert!(faults.list.iter().all(|fault| fault.code.code() == "RX0904"), "{faults}");
    assert!(faults.to_string().contains("mobilenet_external.bin is not there"), "{faults}");
}
