//! Networks scaled in depth, EfficientNet-Lite, and the forms of calls and schedules. The figures are those of timm 1.0.31.

use rexnet_ir::graph::Graph;
use rexnet_ir::spec::{Network, PRESETS, expand, parse_network, parse_network_with};

fn network(source: &str) -> Network {
    parse_network(source).unwrap_or_else(|faults| panic!("{source}: {faults}"))
}

fn graph(network: &Network) -> Graph {
    let graph = expand(network, 1).unwrap_or_else(|faults| panic!("{network}: {faults}"));
    graph.verify().unwrap_or_else(|faults| panic!("{network}: {faults}"));
    graph
}

fn widths(network: &Network) -> Vec<usize> {
    network.blocks.iter().map(|block| block.channels).collect()
}

/// Width, depth, parameters.
const SCALED: &[(f64, f64, u64)] = &[
    (1.0, 1.1, 6_317_185),
    (1.0, 1.4, 7_098_632),
    (1.3, 1.2, 10_116_046),
    (0.7, 2.0, 5_084_884),
    (2.0, 0.5, 10_374_952),
    (1.1, 3.0, 15_561_623),
    (1.7, 1.0, 12_184_038),
    (0.35, 1.0, 1_141_736),
];

#[test]
fn rexnet_scales_in_depth() {
    for &(width, depth, parameters) in SCALED {
        let network = network(&format!("rexnet(width = {width}, depth = {depth})"));
        assert_eq!(graph(&network).counts().parameters, parameters, "{network}");
    }
    let deep = network("rexnet(depth = 1.1)");
    let expected =
        [16, 24, 32, 41, 49, 57, 65, 73, 81, 90, 98, 106, 114, 122, 131, 139, 147, 155, 163, 171, 180, 188];
    assert_eq!(widths(&deep), expected);
}

#[test]
fn classes_and_size_are_arguments() {
    let network = network("rexnet(classes = 10, size = 96)");
    assert_eq!(network.classifier.as_ref().map(|classifier| classifier.classes), Some(10));
    assert_eq!(network.input, [3, 96, 96]);
    let counts = graph(&network).counts();
    assert_eq!(counts.parameters, 4_796_873 - 990 * 1281);
}

/// Width, depth, size, parameters.
const LITE: &[(f64, f64, usize, u64)] = &[
    (1.0, 1.0, 224, 4_652_008),
    (1.0, 1.1, 240, 5_416_680),
    (1.1, 1.2, 260, 6_092_072),
    (1.2, 1.4, 300, 8_197_096),
    (1.4, 1.8, 380, 13_006_568),
];

#[test]
fn efficientnet_lite_has_the_published_counts() {
    for &(width, depth, size, parameters) in LITE {
        let source = format!("efficientnet_lite0(width = {width}, depth = {depth}, size = {size})");
        assert_eq!(graph(&network(&source)).counts().parameters, parameters, "{source}");
    }
    for (scaled, &(.., size, parameters)) in ["0", "1", "2"].iter().zip(LITE) {
        let network = network(&format!("efficientnet_lite{scaled}"));
        assert_eq!((network.input, graph(&network).counts().parameters), ([3, size, size], parameters));
    }
    let lite0 = network("efficientnet_lite0");
    assert_eq!(widths(&lite0), [16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]);
}

#[test]
fn presets_are_named_like_their_networks() {
    for preset in PRESETS {
        assert_eq!(network(preset.name).name, preset.name);
        assert_eq!(network(preset.name), network(preset.source));
    }
}

#[test]
fn a_call_has_several_spellings() {
    let half = network("rexnet(width = 0.5)");
    for source in [
        "rexnet<width = 0.5>",
        "<width=0.5>",
        "(width = 0.5)",
        "(<width=0.5,>)",
        "rexnet (width = 1 / 2,) // half",
    ] {
        assert_eq!(network(source), half, "{source}");
    }
    assert_eq!(network("()"), network("rexnet"));
    assert_eq!(parse_network_with("rexnet(width = 3)", &[("width", 0.5)]).unwrap(), half);
    assert_eq!(network(&half.to_string()), half);
}

#[test]
fn tokens_mean_the_same_as_text() {
    let tokens = "rexnet(width = 2)".parse().unwrap();
    assert_eq!(rexnet_ir::spec::parse_tokens(tokens).unwrap(), network("rexnet(width = 2)"));
}

/// All forms of a schedule, spelling the same widths.
#[test]
fn schedules_have_several_forms() {
    let spell = |channels: &str| {
        let source = format!(
            "network forms {{
                input: [3, 32, 32], classes: 2, batch_norm: {{ epsilon: 1e-5 }},
                stem: {{ channels: 8, kernel: 3, stride: 2, activation: relu }},
                blocks: {{
                    repeats: [1, 2, 1], channels: {channels}, expand: {{ ratio: 2, activation: relu }},
                    depthwise: {{ kernel: 3, stride: [1, 2, 2], activation: none }}, shortcut: prefix,
                }},
            }}"
        );
        widths(&network(&source))
    };
    assert_eq!(spell("12"), [12, 12, 12, 12]);
    assert_eq!(spell("[8, 16, 24]"), [8, 16, 16, 24]);
    for channels in ["[8, 16, 24, 32]", "linear(8, 8)", "8 + 8 * i", "8 * [1, 2, 3, 4]", "32 * (i + 1) / n"] {
        assert_eq!(spell(channels), [8, 16, 24, 32], "{channels}");
    }
}

/// An expression of the block index, and its value in each of six blocks.
const EXPRESSIONS: &[(&str, [u8; 6])] = &[
    ("i >= 4", [0, 0, 0, 0, 1, 1]),
    ("i > 4", [0, 0, 0, 0, 0, 1]),
    ("i <= 1", [1, 1, 0, 0, 0, 0]),
    ("i < n - 1", [1, 1, 1, 1, 1, 0]),
    ("i == 2 || i == 4", [0, 0, 1, 0, 1, 0]),
    ("i != 3", [1, 1, 1, 0, 1, 1]),
    ("i >= 1 && i < 3 || i == 5", [0, 1, 1, 0, 0, 1]),
    ("!(i >= 1 && i < 3)", [1, 0, 0, 1, 1, 1]),
    ("!true || i == 0", [1, 0, 0, 0, 0, 0]),
    ("-i ^ 2 == -9", [0, 0, 0, 1, 0, 0]),
    ("(-i) ^ 2 == 9", [0, 0, 0, 1, 0, 0]),
    ("2 ^ -i < 0.2", [0, 0, 0, 1, 1, 1]),
    ("2 * 3 ^ 2 == 18 && i ^ 2 / 2 == 8", [0, 0, 0, 0, 1, 0]),
    ("1 + i * 2 >= 3 * i", [1, 1, 0, 0, 0, 0]),
    ("[0, 1, 0, 1, 0, 1] == (i >= 3)", [1, 0, 1, 1, 0, 1]),
];

#[test]
fn comparisons_and_powers_are_of_the_block_index() {
    for &(expression, expected) in EXPRESSIONS {
        let source = format!(
            "network tried {{ input: [3, 32, 32], classes: 2, batch_norm: {{ epsilon: 1e-5 }},
                stem: {{ channels: 8, kernel: 3, stride: 2, activation: none }},
                blocks: {{ repeats: [6], channels: 8, expand: {{ ratio: 2, activation: relu }},
                    depthwise: {{ kernel: 3, stride: 1, activation: relu }},
                    squeeze_excite: {{ present: {expression}, channels: 4, activation: relu, batch_norm: false,
                        gate: hard_sigmoid, position: after_activation }},
                    shortcut: equal }},
            }}"
        );
        let network = network(&source);
        let gates = network.blocks.iter().map(|block| u8::from(block.squeeze_excite.is_some()));
        assert_eq!(gates.collect::<Vec<_>>(), expected, "{expression}");
        let text = graph(&network).to_string();
        assert_eq!(text.contains("hard_sigmoid"), expected.contains(&1), "{expression}");
    }
}

#[test]
fn an_argument_in_parentheses_may_compare() {
    assert_eq!(network("rexnet(width = 1 + (2 > 1))"), network("rexnet(width = 2)"));
    assert_eq!(network("rexnet(width = 2 ^ 2 / 2 == 2)"), network("rexnet(width = 1)"));
    assert_eq!(network("rexnet<width = (2 > 1)>"), network("rexnet(width = 1)"));
}
