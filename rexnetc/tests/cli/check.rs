use crate::binary::{file, rexnetc, root, scratch};
use crate::model::{chain, exported};

#[test]
fn every_node_of_an_exported_network_is_supported() {
    let directory = scratch("check_exported");
    let (model, _) = exported(&directory, "0");
    let ran = rexnetc(&["check", &model]).exits(0);
    let last = ran.out.lines().last().unwrap();
    let (supported, rest) = last.split_once(" of ").unwrap();
    assert_eq!(rest, format!("{supported} nodes are supported"));
    assert!(ran.out.lines().rev().skip(1).all(|line| line.starts_with("yes ")), "{}", ran.out);
}

#[test]
fn refused_nodes_are_named_with_reason_and_replacement_and_the_others_too() {
    let directory = scratch("check_refused");
    let operators = ["Relu", "GRU", "HardSwish", "GRU", "LSTM", "Frobnicate"];
    let model = file(&directory, "model.onnx", chain(&operators));
    let ran = rexnetc(&["check", &model]).exits(1);
    let expected = "\
no    Frobnicate  opset 17  node_5
        the operator is not supported
no    GRU         opset 17  node_1
no    GRU         opset 17  node_3
        the operator is not supported
        instead: recurrent layers do not belong to networks of this class
no    LSTM        opset 17  node_4
        the operator is not supported
        instead: recurrent layers do not belong to networks of this class
open  HardSwish   opset 17  node_2
yes   Relu        opset 17  node_0
1 of 6 nodes are supported
open: the operator is known; whether this use is supported depends on a node that is not
";
    assert_eq!(ran.out, expected);
    let json = rexnetc(&["check", &model, "--json"]).exits(1).json();
    assert_eq!(json["supported"], false);
    assert_eq!(json["nodes"][1]["instead"], "recurrent layers do not belong to networks of this class");
    assert_eq!((&json["nodes"][5]["verdict"], &json["nodes"][5]["reason"]), (&"yes".into(), &().into()));
}

#[test]
fn neither_weights_nor_a_size_are_needed() {
    let directory = scratch("check_external");
    let content = std::fs::read(root().join("tests/fixtures/onnx/mobilenet_external.onnx")).unwrap();
    let model = file(&directory, "alone.onnx", content);
    let ran = rexnetc(&["check", &model]).exits(0);
    assert!(ran.out.ends_with("nodes are supported\n"), "{}", ran.out);
    rexnetc(&["check", &model, "--size", "40,36", "--batch", "2"]).exits(0);
    assert!(rexnetc(&["check", &model, "--size", "40,0"]).exits(2).err.contains("no number of pixels"));
}

#[test]
fn what_is_no_model_is_an_error() {
    let directory = scratch("check_garbage");
    let model = file(&directory, "model.onnx", b"nonsense".as_slice());
    assert!(rexnetc(&["check", &model]).exits(1).err.contains("RX0901"));
    let missing = directory.join("none.onnx").into_os_string().into_string().unwrap();
    assert!(rexnetc(&["check", &missing]).exits(1).err.contains("RX0701"));
}
