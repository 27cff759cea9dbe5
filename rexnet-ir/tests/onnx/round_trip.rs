//! A spec, written and read again, is the same network; a file, read and written, stays as it is.

use crate::files::{assert_near, imported, kinds, read, rows, seeded, tensor};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rexnet_ir::graph::{Graph, Op, Tensor, parse, same};
use rexnet_ir::onnx::export;
use rexnet_ir::passes::run_logical;
use rexnet_ir::reference::evaluate_outputs;
use rexnet_ir::spec::syntax::Source;
use rexnet_ir::spec::{self, PRESETS, Preset, parse_source};

/// Written and read again, before or after fusion, the graph is the same network; the second file is the first.
fn assert_closed(what: &str, source: &Graph) {
    let file = export(source).unwrap_or_else(|faults| panic!("{what}: {faults}"));
    let batch = source.node(source.inputs()[0]).ty.batch();
    let mut back = imported(&file, batch);
    assert!(export(&back).unwrap() == file, "{what}: the second file differs\n{source}\n{back}");
    assert_eq!(source.counts(), back.counts(), "{what}");
    assert_eq!(source.name(), back.name(), "{what}");

    let mut fused = source.clone();
    run_logical(&mut fused).unwrap();
    let fused_file = export(&fused).unwrap_or_else(|faults| panic!("{what}, fused: {faults}"));
    assert!(export(&fused).unwrap() == fused_file, "{what}: not deterministic");
    let mut fused_back = imported(&fused_file, batch);
    assert!(export(&fused_back).unwrap() == fused_file, "{what}, fused: the second file differs");
    run_logical(&mut back).unwrap();
    run_logical(&mut fused_back).unwrap();
    for (stage, graph) in [("read", &back), ("fused, then read", &fused_back)] {
        same(&fused, graph).unwrap_or_else(|difference| panic!("{what}, {stage}: {difference}\n{graph}"));
        assert_eq!(kinds(&fused), kinds(graph), "{what}, {stage}");
    }
}

/// The values are those of the source, too.
fn assert_same_values(what: &str, source: &Graph) {
    let batch = source.node(source.inputs()[0]).ty.batch();
    let mut fused = source.clone();
    run_logical(&mut fused).unwrap();
    let elements = source.node(source.inputs()[0]).ty.elements();
    let image: Vec<f32> = (0..elements).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let expected = evaluate_outputs(source, &[&image]).unwrap().remove(0);
    for graph in [source, &fused] {
        let actual =
            evaluate_outputs(&imported(&export(graph).unwrap(), batch), &[&image]).unwrap().remove(0);
        assert_near(what, &actual.data, &expected.data, expected.dims[1]);
    }
}

/// The call of a preset with those of the arguments that it has parameters for.
fn call(preset: &Preset, arguments: &[(&str, f64)]) -> String {
    let Ok(Source::Definition(definition)) = parse_source(preset.source) else {
        panic!("{} is no definition", preset.name)
    };
    let known = |name: &str| definition.parameters.iter().any(|parameter| parameter.name.node == name);
    let known: Vec<String> = arguments
        .iter()
        .filter(|(name, _)| known(name))
        .map(|(name, value)| format!("{name} = {value}"))
        .collect();
    format!("{}({})", preset.name, known.join(", "))
}

#[test]
fn presets_are_the_same_network_again() {
    for preset in PRESETS {
        let scaled = call(preset, &[("width", 0.5), ("depth", 1.3), ("classes", 10.0), ("size", 160.0)]);
        assert_closed(&scaled, &seeded(&scaled, 2, 1));
        let small = call(preset, &[("width", 0.3), ("size", 32.0), ("classes", 7.0)]);
        assert_same_values(&small, &seeded(&small, 2, 1));
    }
    for whole in ["rexnet", "efficientnet_lite0", "mixnet_m"] {
        assert_closed(whole, &seeded(whole, 2, 1));
    }
}

/// Operators of heads: the file written is understood as the graph is, before and after fusion.
#[test]
fn operators_of_heads_are_the_same_again() {
    let groups = [
        "activations",
        "arithmetic",
        "heads",
        "pools",
        "reductions",
        "resizes",
        "softmaxes",
        "transposed_convolutions",
    ];
    for group in groups {
        let source = imported(&read(&format!("../onnx_operators/{group}_dynamo.onnx")), 1);
        let image = tensor(&read(&format!("../onnx_operators/{group}_dynamo.io.safetensors")), "input");
        let expected = evaluate_outputs(&source, &[&image.data()]).unwrap();
        let mut fused = source.clone();
        run_logical(&mut fused).unwrap();
        for (stage, graph) in [("read", &source), ("fused", &fused)] {
            let what = format!("{group}, {stage}");
            let file = export(graph).unwrap_or_else(|faults| panic!("{what}: {faults}"));
            let back = imported(&file, 1);
            let actual = evaluate_outputs(&back, &[&image.data()]).unwrap();
            for (actual, expected) in actual.iter().zip(&expected) {
                assert_eq!(actual.dims, expected.dims, "{what}");
                assert_near(&what, &actual.data, &expected.data, 1);
            }
        }
    }
}

#[test]
fn files_of_exporters_are_written_as_they_are_understood() {
    for row in rows("index.json") {
        let name = row["name"].as_str().unwrap();
        let graph = imported(&read(&format!("{name}.onnx")), 2);
        let first = export(&graph).unwrap_or_else(|faults| panic!("{name}: {faults}"));
        let batch = graph.node(graph.inputs()[0]).ty.batch();
        assert_eq!(batch, if row["dynamic"] == true { 2 } else { 1 }, "{name}");
        let back = imported(&first, batch);
        assert!(export(&back).unwrap() == first, "{name}: the second file differs");
    }
}

#[test]
fn every_operator_is_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/files/graph/every_operator.graph");
    let mut graph = parse(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|fault| panic!("{fault}"));
    graph.verify().unwrap();
    for id in graph.order() {
        let node = graph.node(id).clone();
        if node.op == Op::Constant {
            // Positive, as some are variances.
            let data: Vec<f32> = (0..node.ty.elements()).map(|i| (1 + i * 7 % 23) as f32 / 23.0).collect();
            graph.edit().bind(&node.name, Tensor::new(node.ty.dims, data).unwrap()).unwrap();
        }
    }
    assert_same_outputs(&graph);
}

/// Every output by name, value by value.
fn assert_same_outputs(graph: &Graph) {
    let file = export(graph).unwrap();
    let back = imported(&file, 2);
    assert!(export(&back).unwrap() == file, "the second file differs\n{graph}\n{back}");
    let names = |graph: &Graph| graph.outputs().iter().map(|output| output.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(graph), names(&back));
    let images: Vec<Vec<f32>> = graph
        .inputs()
        .iter()
        .map(|&id| (0..graph.node(id).ty.elements()).map(|i| (i * 29 % 61) as f32 / 5.0 - 6.0).collect())
        .collect();
    let images: Vec<&[f32]> = images.iter().map(Vec::as_slice).collect();
    let (expected, actual) =
        (evaluate_outputs(graph, &images).unwrap(), evaluate_outputs(&back, &images).unwrap());
    for ((expected, actual), name) in expected.iter().zip(&actual).zip(names(graph)) {
        assert_eq!(expected.dims, actual.dims, "{name}");
        assert_near(&name, &actual.data, &expected.data, expected.data.len());
    }
}

#[test]
fn constants_without_tensors_are_all_named() {
    let network = spec::parse_network("rexnet(width = 0.3)").unwrap();
    let graph = spec::expand(&network, 1).unwrap();
    let faults = export(&graph).unwrap_err();
    let constants = graph.order().into_iter().filter(|&id| graph.node(id).op.name() == "constant").count();
    assert_eq!(faults.list.len(), constants);
    assert!(faults.list.iter().all(|fault| fault.code.code() == "RX0302"), "{faults}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_network_is_the_same_again(
        (stem, padding, activations, shortcut) in (
            1usize..10,
            select(vec!["symmetric", "same"]),
            vec(select(vec!["relu", "relu6", "silu", "sigmoid", "none"]), 4..=4),
            select(vec!["prefix", "equal", "none"]),
        ),
        (widths, kernels, strides, present, ratio) in (
            vec(1usize..14, 3..=3),
            vec(select(vec![1usize, 3, 5]), 3..=3),
            vec(1usize..3, 3..=3),
            vec(select(vec![0, 1]), 3..=3),
            1usize..4,
        ),
        (before, norm, head, size, batch, seed) in (
            any::<bool>(), any::<bool>(), any::<bool>(), 5usize..20, 1usize..3, any::<u64>(),
        ),
    ) {
        let position = if before { "before_activation" } else { "after_activation" };
        let head = if head { format!("head: {{ channels: 9, activation: {} }},", activations[3]) } else { String::new() };
        let text = format!(
            "network any {{
                input: [3, {size}, {size}], classes: 6, padding: {padding}, batch_norm: {{ epsilon: 1e-3 }},
                stem: {{ channels: {stem}, kernel: 3, stride: 2, activation: {} }},
                blocks: {{
                    repeats: [1, 2, 1], channels: {widths:?},
                    expand: {{ ratio: {ratio}, activation: {} }},
                    depthwise: {{ kernel: {kernels:?}, stride: {strides:?}, activation: {} }},
                    squeeze_excite: {{ present: {present:?}, channels: ceil(expanded / 3), activation: {},
                                       batch_norm: {norm}, position: {position} }},
                    shortcut: {shortcut},
                }},
                {head}
            }}",
            activations[0], activations[1], activations[2], activations[3],
        );
        let graph = seeded(&text, batch, seed);
        assert_closed(&text, &graph);
        assert_same_values(&text, &graph);
    }
}
