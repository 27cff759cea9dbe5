//! What a network expands to: the names of its tensors and nodes, and the order of its operators.

use rexnet_ir::graph::{Activation, Function, Graph, Op};
use rexnet_ir::spec::{INPUT, OUTPUT, expand, parse_network};
use std::collections::BTreeSet;

fn graph(source: &str) -> Graph {
    expand(&parse_network(source).unwrap(), 1).unwrap()
}

/// `name [extents]` of every tensor of timm's rexnet_100 but the batch counters.
#[test]
fn tensors_have_the_names_and_shapes_of_timm() {
    let graph = graph("rexnet");
    let ours: BTreeSet<String> = graph
        .order()
        .into_iter()
        .map(|id| graph.node(id))
        .filter(|node| node.op == Op::Constant)
        .map(|node| format!("{} {:?}", node.name, node.ty.dims))
        .collect();
    let theirs: BTreeSet<String> = include_str!("rexnet_100.tensors").lines().map(str::to_owned).collect();
    assert_eq!(ours, theirs);
}

/// The operator of a node and the names of the operands that are no tensors.
fn node<'a>(graph: &'a Graph, name: &str) -> (&'static str, Vec<&'a str>) {
    let node = graph.node(graph.find(name).unwrap_or_else(|| panic!("no node {name}")));
    let operands = node.operands.iter().map(|&id| graph.node(id));
    let maps = operands.filter(|operand| operand.op != Op::Constant).map(|operand| operand.name.as_str());
    (node.op.name(), maps.collect())
}

fn expect(graph: &Graph, nodes: &[(&str, &str, &[&str])]) {
    for &(name, op, operands) in nodes {
        assert_eq!(node(graph, name), (op, operands.to_vec()), "{name}");
    }
}

#[test]
fn rexnet_is_primitive_operators_in_the_order_of_the_paper() {
    let graph = graph("rexnet");
    expect(
        &graph,
        &[
            ("stem.conv", "conv2d", &["image"]),
            ("stem.bn", "batch_norm", &["stem.conv"]),
            ("stem.act.sigmoid", "activate", &["stem.bn"]),
            ("stem.act", "mul", &["stem.bn", "stem.act.sigmoid"]),
            // No expansion, no gate, narrower than its input.
            ("features.0.conv_dw.conv", "conv2d", &["stem.act"]),
            ("features.0.act_dw", "clip", &["features.0.conv_dw.bn"]),
            ("features.0.conv_pwl.conv", "conv2d", &["features.0.act_dw"]),
            ("features.0", "batch_norm", &["features.0.conv_pwl.conv"]),
            // Expansion, gate before the activation, shortcut to the first 50 of 61 channels.
            ("features.4.conv_exp.conv", "conv2d", &["features.3"]),
            (
                "features.4.conv_exp.act",
                "mul",
                &["features.4.conv_exp.bn", "features.4.conv_exp.act.sigmoid"],
            ),
            ("features.4.conv_dw.conv", "conv2d", &["features.4.conv_exp.act"]),
            ("features.4.se.pool", "global_average_pool", &["features.4.conv_dw.bn"]),
            ("features.4.se.fc1", "conv2d", &["features.4.se.pool"]),
            ("features.4.se.bn", "batch_norm", &["features.4.se.fc1"]),
            ("features.4.se.act", "activate", &["features.4.se.bn"]),
            ("features.4.se.fc2", "conv2d", &["features.4.se.act"]),
            ("features.4.se.gate", "activate", &["features.4.se.fc2"]),
            ("features.4.se", "mul", &["features.4.conv_dw.bn", "features.4.se.gate"]),
            ("features.4.act_dw", "clip", &["features.4.se"]),
            ("features.4.conv_pwl.conv", "conv2d", &["features.4.act_dw"]),
            ("features.4.conv_pwl.bn", "batch_norm", &["features.4.conv_pwl.conv"]),
            ("features.4.first", "slice", &["features.4.conv_pwl.bn"]),
            ("features.4.sum", "add", &["features.4.first", "features.3"]),
            ("features.4.rest", "slice", &["features.4.conv_pwl.bn"]),
            ("features.4", "concat", &["features.4.sum", "features.4.rest"]),
            ("features.16", "mul", &["features.16.bn", "features.16.sigmoid"]),
            ("head.pool", "global_average_pool", &["features.16"]),
            ("head.flatten", "flatten", &["head.pool"]),
            ("head.fc", "dense", &["head.flatten"]),
        ],
    );
    let outputs: Vec<_> = graph
        .outputs()
        .iter()
        .map(|output| (output.name.as_str(), graph.node(output.node).name.as_str()))
        .collect();
    assert_eq!(outputs, [(OUTPUT, "head.fc")]);
    assert_eq!(graph.node(graph.inputs()[0]).name, INPUT);
}

#[test]
fn efficientnet_lite0_pads_and_adds_like_tensorflow() {
    let graph = graph("efficientnet_lite0");
    let pad = |name: &str| match &graph.node(graph.find(name).unwrap()).op {
        Op::Conv2d(conv) => conv.pad,
        other => panic!("{name} is {}", other.name()),
    };
    assert_eq!(pad("stem.conv"), [0, 0, 1, 1]);
    assert_eq!(pad("features.3.conv_dw.conv"), [1, 1, 2, 2]);
    assert_eq!(pad("features.4.conv_dw.conv"), [2, 2, 2, 2]);
    assert_eq!(pad("features.4.conv_pwl.conv"), [0, 0, 0, 0]);
    expect(&graph, &[("features.2", "add", &["features.2.conv_pwl.bn", "features.1"])]);
}

#[test]
fn a_gate_may_follow_the_activation() {
    let graph = graph("efficientnet_b0");
    expect(
        &graph,
        &[
            ("features.0.act_dw.sigmoid", "activate", &["features.0.conv_dw.bn"]),
            ("features.0.se", "mul", &["features.0.act_dw", "features.0.se.gate"]),
            ("features.0.se.act", "mul", &["features.0.se.fc1", "features.0.se.act.sigmoid"]),
            ("features.0.conv_pwl.conv", "conv2d", &["features.0.se"]),
        ],
    );
}

#[test]
fn no_fused_operator_is_written() {
    for source in ["rexnet", "efficientnet_lite0"] {
        let graph = graph(source);
        for id in graph.order() {
            match &graph.node(id).op {
                Op::Conv2d(conv) => {
                    assert!(conv.activation.is_none() && conv.input_activation.is_none());
                    assert!(!conv.gate && !conv.shortcut);
                }
                Op::Unary(Function::Activate(function)) => {
                    assert!(matches!(function, Activation::Relu | Activation::Sigmoid));
                }
                op => assert!(!["prefix_add", "squeeze_excite", "relayout"].contains(&op.name())),
            }
        }
    }
}

#[test]
fn a_batch_multiplies_the_work_and_not_the_parameters() {
    let network = parse_network("rexnet").unwrap();
    let (one, three) = (expand(&network, 1).unwrap().counts(), expand(&network, 3).unwrap().counts());
    assert_eq!(three.parameters, one.parameters);
    assert_eq!(three.multiply_accumulates, 3 * one.multiply_accumulates);
}

#[test]
fn what_is_too_large_for_the_graph_is_refused() {
    let code = |source: &str, batch: usize| {
        let faults = expand(&parse_network(source).unwrap(), batch).unwrap_err();
        faults.list.iter().map(|fault| fault.code.code()).collect::<Vec<_>>()
    };
    assert_eq!(code("rexnet", 0), ["RX0103"]);
    assert_eq!(code("rexnet", usize::MAX), ["RX0203"]);
    assert_eq!(code("rexnet(size = 8192)", 2), ["RX0203"]);
    assert_eq!(code("rexnet(width = 40)", 64), ["RX0203"]);
}
